################################################################################
#
# memwarden
#
################################################################################

MEMWARDEN_VERSION = 0.1.0
MEMWARDEN_SITE = $(BR2_EXTERNAL_MEMWARDEN_PATH)/../..
MEMWARDEN_SITE_METHOD = local
MEMWARDEN_LICENSE = Apache-2.0, LGPL-2.1+ (libmicrohttpd), ISC (libconfuse), MIT (musl), Zlib
MEMWARDEN_LICENSE_FILES = LICENSE NOTICE

ifeq ($(BR2_x86_64),y)
MEMWARDEN_ARCH = x86_64
else ifeq ($(BR2_aarch64),y)
MEMWARDEN_ARCH = aarch64
else ifeq ($(BR2_RISCV_64),y)
MEMWARDEN_ARCH = riscv64
else ifeq ($(BR2_ARM_EABIHF),y)
MEMWARDEN_ARCH = armv7
else
MEMWARDEN_ARCH = armv7-softfloat
endif
MEMWARDEN_BINARY = build/device/$(MEMWARDEN_ARCH)/memwarden

# The tree is copied without what building it left behind.
MEMWARDEN_OVERRIDE_SRCDIR_RSYNC_EXCLUSIONS = \
	--include=/build/ --include=/build/device/ --include=/build/device/$(MEMWARDEN_ARCH)/ \
	--include=/$(MEMWARDEN_BINARY) --exclude=/build/** --exclude=/.build*

define MEMWARDEN_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/$(MEMWARDEN_BINARY) $(TARGET_DIR)/usr/sbin/memwarden
	test -e $(TARGET_DIR)/etc/memwarden.conf || \
		$(INSTALL) -D -m 0644 $(@D)/Config/memwarden.conf $(TARGET_DIR)/etc/memwarden.conf
endef

define MEMWARDEN_INSTALL_INIT_SYSV
	$(INSTALL) -D -m 0755 $(@D)/Deploy/init/memwarden.init $(TARGET_DIR)/etc/init.d/S95memwarden
endef

define MEMWARDEN_INSTALL_INIT_OPENRC
	$(INSTALL) -D -m 0755 $(@D)/Deploy/init/memwarden.openrc $(TARGET_DIR)/etc/init.d/memwarden
endef

define MEMWARDEN_INSTALL_INIT_SYSTEMD
	$(INSTALL) -D -m 0644 $(@D)/Deploy/systemd/memwarden.service \
		$(TARGET_DIR)/usr/lib/systemd/system/memwarden.service
endef

$(eval $(generic-package))
