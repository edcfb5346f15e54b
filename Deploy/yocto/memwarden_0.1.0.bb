SUMMARY = "Memory guard for small boards"
DESCRIPTION = "Says where the memory went, cuts logs on tmpfs and recycles leaking workers."
SECTION = "base"
LICENSE = "Apache-2.0 & LGPL-2.1-or-later & ISC & MIT & Zlib"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57 \
                    file://NOTICE;md5=ac249b04a2674da01bbe41d3aa34041d"

# OpenEmbedded has no Swift toolchain: this installs the static file that `make device ARCH=...` made in memwarden's
# source tree. Where this recipe is copied elsewhere, local.conf names the tree.
MEMWARDEN_TREE ?= "${THISDIR}/../.."
MEMWARDEN_ARCH = "${@memwarden_arch(d)}"

def memwarden_arch(d):
    arch = d.getVar('TARGET_ARCH')
    if arch == 'arm':
        hard = bb.utils.contains('TUNE_FEATURES', 'callconvention-hard', True, False, d)
        return 'armv7' if hard else 'armv7-softfloat'
    return arch

inherit externalsrc systemd update-rc.d

EXTERNALSRC = "${MEMWARDEN_TREE}"
EXTERNALSRC_BUILD = "${MEMWARDEN_TREE}"
EXTERNALSRC_SYMLINKS = ""

COMPATIBLE_HOST = "(x86_64|aarch64|arm|riscv64).*-linux.*"

SYSTEMD_SERVICE:${PN} = "memwarden.service"
INITSCRIPT_NAME = "memwarden"
INITSCRIPT_PARAMS = "defaults 95 05"
CONFFILES:${PN} = "${sysconfdir}/memwarden.conf"
# Stripped and static by its own recipe.
INSANE_SKIP:${PN} = "already-stripped ldflags"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -D -m 0755 ${S}/build/device/${MEMWARDEN_ARCH}/memwarden ${D}${sbindir}/memwarden
    install -D -m 0644 ${S}/Config/memwarden.conf ${D}${sysconfdir}/memwarden.conf
    if ${@bb.utils.contains('DISTRO_FEATURES', 'systemd', 'true', 'false', d)}; then
        install -D -m 0644 ${S}/Deploy/systemd/memwarden.service ${D}${systemd_system_unitdir}/memwarden.service
    else
        install -D -m 0755 ${S}/Deploy/init/memwarden.init ${D}${sysconfdir}/init.d/memwarden
    fi
}
