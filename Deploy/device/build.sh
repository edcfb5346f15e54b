#!/usr/bin/env bash
# Builds memwarden for a board: one static, stripped file, build/device/ARCH/memwarden, its symbols beside it in
# memwarden.debug and its sizes in sizes.txt. Everything is compiled and linked by the Swift toolchain's own swiftc,
# clang and lld; Debian gives the sources of the libraries, and libgcc.a. Only what is older than its source is built.
# MICROHTTPD=FILE links another build of libmicrohttpd. CLOCK_SPEED=N also makes memwarden.fast, whose clock runs N times
# as fast, for the soak.
set -euo pipefail
unset MAKEFLAGS ARCH # make hands its ARCH down, and musl's Makefile has one of its own
arch=${1:-}
here=$(cd "$(dirname "$0")" && pwd)
home=$(cd "$here/../.." && pwd)
. "$here/processors.sh"
limit=1000000 # bytes, from the budget

"$home/.ci/setup" dpkg-dev flex "$package"
out=$home/build/device/$arch root=$out/root objects=$out/objects sources=$home/build/device/sources
bin=$(swiftc -print-target-info | sed -n 's|.*"runtimeResourcePath": "\(.*\)/lib/swift".*|\1/bin|p')
microhttpd=$(realpath -m "${MICROHTTPD:-$root/lib/libmicrohttpd.a}")
libgcc=$("$gcc" -print-libgcc-file-name)
mkdir -p "$root" "$objects"

# stale FILE INPUT...: FILE is missing, or an input (or something in it) is newer.
stale() { [ ! -e "$1" ] || [ -n "$(find "${@:2}" -newer "$1" -print -quit)" ]; }

# --- The C libraries

"$here/fetch.sh" "$sources"
. "$here/flags.sh"
. "$here/libraries.sh"

# --- The C of memwarden

recipe=("$here/build.sh" "${below[@]}")
cd "$objects"
parts=()
for file in "$home"/Sources/CLinux/*.c "$home"/Sources/CConfuse/*.c "$home"/Sources/CZlib/*.c "$here/runtime.c"; do
  part=$(basename "$file" .c).o
  parts+=("$part")
  stale "$part" "$file" "$home/Sources/CLinux/include" "$home/Sources/CConfuse/include" \
    "$home/Sources/CZlib/include" "${recipe[@]}" || continue
  "${cc[@]}" "${c_flags[@]}" "${c_hardening[@]}" -DCL_EMBEDDED -Wall -Wextra -Werror \
    "-I$home/Sources/CLinux/include" "-I$home/Sources/CConfuse/include" "-I$home/Sources/CZlib/include" -c "$file" -o "$part"
done

if stale start.o "$here/start.c" "${recipe[@]}"; then
  "${cc[@]}" "${c_flags[@]}" -fno-stack-protector -Wall -Wextra -Werror "-I$sources/musl/arch/$musl" \
    -c "$here/start.c" -o start.o
fi

# --- The Swift of memwarden: the modules in the order of the floors, each as one file

swift_flags=(-target "$swift_target" -swift-version 6 -parse-as-library -wmo -Osize -g
  -Xfrontend -mergeable-traps -Xfrontend -disable-swift-specific-llvm-optzns
  -Xfrontend -sil-inline-caller-benefit-reduction-factor -Xfrontend 20
  -Xllvm -sil-disable-pass=closure-specialize -Xllvm -sil-disable-pass=capture-prop
  -Xllvm -inline-threshold=0 -Xllvm -enable-machine-outliner=always
  -enable-experimental-feature Embedded -enable-experimental-feature Lifetimes -enable-upcoming-feature ExistentialAny
  -enable-upcoming-feature MemberImportVisibility -Xfrontend -function-sections
  -file-prefix-map "$home=." -file-prefix-map "$out=." -I "$objects" -I "$home/Sources/CMicrohttpd")
# C headers are read as Linux has them; a bare-metal target would shorten enumerations.
for flag in "${code[@]}" -fPIE -fno-short-enums -D__linux__ -nostdlibinc -isystem "$root/include"; do
  swift_flags+=(-Xcc "$flag")
done
for module in CLinux CConfuse CZlib; do
  # Written anew only when it changes, as everything compiled from it would be stale.
  map="module $module { header \"$home/Sources/$module/include/$module.h\" export * }"
  [ "$(cat "$module.modulemap" 2>/dev/null)" = "$map" ] || echo "$map" >"$module.modulemap"
  swift_flags+=(-Xcc "-fmodule-map-file=$objects/$module.modulemap")
done
headers=("$home/Sources/CMicrohttpd" "$home/Sources/CLinux/include" "$home/Sources/CConfuse/include"
  "$home/Sources/CZlib/include")
below=()
for module in Samples Kernel Policy Actions Report memwarden; do
  parts+=("$module.o")
  if stale "$module.o" "$home/Sources/$module" "${below[@]}" "${headers[@]}" "${recipe[@]}"; then
    echo "device: $arch: $module"
    rm -f "$module.o"
    swiftc "${swift_flags[@]}" -module-name "$module" -emit-module -emit-module-path "$module.swiftmodule" \
      -c "$home/Sources/$module"/*.swift -o "$module.o"
    # Nothing unwinds: 34 kB that no flag of the compiler leaves out.
    "$bin/llvm-objcopy" --remove-section=.eh_frame --remove-section=.rela.eh_frame "$module.o"
  fi
  below+=("$module.o")
done

# --- One file; linking takes less time than asking whether it must be done

# What runs often lies side by side; often.sh says what that is.
link() { # OUTPUT OBJECT...
  "$bin/ld.lld" -static -pie --no-dynamic-linker -z text -z noexecstack -z relro -z now -z noseparate-code \
    --pack-dyn-relocs=relr --gc-sections --icf=all -O2 --build-id=none \
    --symbol-ordering-file="$here/often.txt" --no-warn-symbol-ordering -Map="$out/memwarden.map" -o "$1" \
    start.o "$root/lib/crti.o" "${@:2}" "$microhttpd" \
    "$root/lib/libconfuse.a" "$root/lib/libz.a" "$root/lib/libc.a" "$libgcc" "$root/lib/crtn.o"
}
if [ -n "${CLOCK_SPEED:-}" ]; then
  "${cc[@]}" "${c_flags[@]}" "${c_hardening[@]}" "-DCL_CLOCK_SPEED=$CLOCK_SPEED" "-I$home/Sources/CLinux/include" \
    -c "$home/Sources/CLinux/loop.c" -o loop.fast
  link "$out/memwarden.fast" "${parts[@]/#loop.o/loop.fast}"
  "$bin/llvm-objcopy" --strip-all "$out/memwarden.fast"
fi
link "$out/memwarden.linked" "${parts[@]}"
# Flags and renamed functions let the order rot, and memory grow unseen.
if [ "$arch" = x86_64 ]; then
  gone=$(grep -v '^#' "$here/often.txt" | grep -vFxc -f <(awk '{ print $NF }' "$out/memwarden.map") || true)
  [ "$gone" -le 50 ] || { echo "device: $gone functions of often.txt are no more; run Deploy/device/often.sh" >&2; exit 1; }
fi
# start.c applies the packed relocations and no others.
if awk '$5 ~ /^\.rela?\.dyn$/ && $3 != "0" { found = 1 } END { exit !found }' "$out/memwarden.map"; then
  echo "device: a relocation is not packed, see .rel.dyn in $out/memwarden.map" >&2
  exit 1
fi
# The first would be a known hole, the second 75 kB for comparing String, which nothing here needs to do.
for unwanted in cfg_tilde_expand swiftUnicodeDataTables; do
  ! grep -q "$unwanted" "$out/memwarden.map" || { echo "device: $unwanted is linked in" >&2; exit 1; }
done
"$bin/llvm-objcopy" --only-keep-debug "$out/memwarden.linked" "$out/memwarden.debug"
(cd "$out" && "$bin/llvm-objcopy" --strip-all --remove-section=.comment --add-gnu-debuglink=memwarden.debug \
  memwarden.linked memwarden)
rm "$out/memwarden.linked"

# --- The library for workers: no C library of its own

"${cc[@]}" -Os -Wall -Wextra -Werror -fPIC -fno-stack-protector -fno-asynchronous-unwind-tables "-ffile-prefix-map=$home=." \
  -c "$home/Sources/trim/trim.c" -o trim.o
"$bin/ld.lld" -shared -s --build-id=none -z noexecstack -soname libmemwarden-trim.so -o "$out/libmemwarden-trim.so" trim.o
# A name that a program's C library does not have would keep that program from starting.
foreign=$("$bin/llvm-nm" -D -u "$out/libmemwarden-trim.so" | awk '{ print $NF }' | grep -vxE \
  'malloc_trim|mallinfo2|syscall|sigaction|sigfillset|sigismember|__errno_location|memcpy|memset' || true)
[ -z "$foreign" ] || { echo "device: libmemwarden-trim.so wants $foreign" >&2; exit 1; }

size=$(stat -c %s "$out/memwarden")
{
  echo "memwarden for $arch: $size bytes of at most $limit"
  echo "  stored   zeroed  part"
  awk -f "$here/sizes.awk" "$out/memwarden.map" | sort -rn
} | tee "$out/sizes.txt"
[ "$size" -le "$limit" ] || { echo "device: that is $((size - limit)) bytes too many" >&2; exit 1; }
