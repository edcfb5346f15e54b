#!/usr/bin/env bash
# Boots build/device/ARCH/memwarden on a board of that processor: Debian's kernel in qemu, busybox as init, memwarden as
# its service. board/scenario drives it inside, then, in a second boot, board/degraded. Fails on any step that fails or is
# missing; the figures go to build/boot/ARCH/report.md, everything said to the consoles beside it.
set -euo pipefail
arch=${1:-}
here=$(cd "$(dirname "$0")" && pwd)
home=$(cd "$here/../.." && pwd)
. "$here/../device/processors.sh"
. "$here/boards.sh"
patience=600 # seconds for one boot; 70 are usual

device=$home/build/device/$arch out=$home/build/boot/$arch
[ -x "$device/memwarden" ] || { echo "boot: $device/memwarden is missing; run make device ARCH=$arch" >&2; exit 1; }
"$home/.ci/setup" "$emulator" cpio "$package"
mkdir -p "$out"
"$here/fetch.sh" "$out/fetched" "$debian" "$image" "$codename"

# --- The programs that provoke, for the same processor and libc as memwarden. musl does not bring the kernel's headers;
# those of this machine serve, with the asm that most processors share.

rm -rf "$out/headers"
mkdir "$out/headers"
ln -s /usr/include/linux /usr/include/asm-generic "$out/headers"
ln -s /usr/include/asm-generic "$out/headers/asm"
program() { # NAME SOURCE...
  "$bin/clang" "--target=$c_target" "${code[@]}" -nostdlibinc -isystem "$device/root/include" \
    -idirafter "$out/headers" -std=gnu17 -Os -fPIE -s \
    -static-pie -nostdlib -fuse-ld=lld "$device/root/lib/rcrt1.o" "$device/root/lib/crti.o" "${@:2}" \
    "$device/root/lib/libc.a" "$("$gcc" -print-libgcc-file-name)" "$device/root/lib/crtn.o" -o "$out/root/bin/$1"
}
bin=$(swiftc -print-target-info | sed -n 's|.*"runtimeResourcePath": "\(.*\)/lib/swift".*|\1/bin|p')
rm -rf "$out/root"
mkdir -p "$out"/root/{bin,boot,dev,proc,sys,tmp,etc,var/log}
program leaky "$home"/Sources/leaky/*.c
program floor "$home/Benchmarks/footprint/floor.c"
program without_pidfd "$here/without_pidfd.c"

# --- The root filesystem

cp "$device/memwarden" "$out/fetched/busybox" "$out/root/bin/"
cp "$here"/board/* "$out/root/boot/"
mv "$out/root/boot/inittab" "$out/root/etc/"
ln -s bin/busybox "$out/root/init"
ln -s busybox "$out/root/bin/sh"
{
  cat "$here/board/quiet.conf"
  for i in {0..2}{0..9}; do echo "worker \"w$i\" { comm = \"w$i\" soft = 4M }"; done
} >"$out/root/boot/quiet.conf"
(cd "$out/root" && find . | cpio --quiet -o -H newc -R 0:0 | gzip -9) >"$out/initramfs.gz"

# --- The boots

boot() { # SCENARIO [KERNEL_OPTION...]
  local log=$out/$1.log begun=$SECONDS code=0
  # The board's clock starts in 1970, as without a battery.
  timeout "$patience" "${qemu[@]}" -m "$memory" -kernel "$out/fetched/kernel" -initrd "$out/initramfs.gz" \
    -append "console=$console quiet panic=-1 scenario=$1 ${*:2}" -rtc base=1970-01-01T00:00:00 -net none -nodefaults \
    -nographic -no-reboot -serial stdio </dev/null >"$log" 2>&1 || code=$?
  local wanted=0
  tr -d '\r' <"$log" | sed -n "s/^.*\(BOOT-[A-Z]* .*\)/\1/p" >"$out/$1.steps"
  for step in $(sed -nE 's/^(expect|missing_once) "?([a-z_0-9]+).*/\1:\2/p' "$here/board/$1" |
    sed 's/^missing_once:/missing_/; s/^expect://'); do
    wanted=$((wanted + 1))
    grep -q "^BOOT-OK $step\b" "$out/$1.steps" && continue
    grep "^BOOT-FAIL $step\b" "$out/$1.steps" >&2 || echo "boot: $arch: $1: $step was not reached" >&2
    failed=1
  done
  if [ -z "$failed" ] && ! grep -q '^BOOT-END 0$' "$out/$1.steps"; then
    echo "boot: $arch: $1: it did not end" >&2
    failed=1
  fi
  if [ -n "$failed" ]; then
    tail -n 40 "$log" | tr -d '\r' >&2
    echo "boot: $arch: $1 failed (qemu's exit code $code), see $log" >&2
    exit 1
  fi
  took[$1]=$((SECONDS - begun))
  echo "boot: $arch: $1: $wanted steps in ${took[$1]} s"
}
declare -A took
failed=
boot scenario psi=1
boot degraded psi=0 cgroup_disable=memory

# --- The report

figure() { sed -n "s/^BOOT-OK $1 .*\b$2=\([0-9]*\).*/\1/p" "$out/scenario.steps"; }
total=$(figure quiet mem_total_kb)
{
  echo "| $arch | goal | measured |"
  echo "| --- | --- | --- |"
  echo "| kernel | | $(cat "$out/fetched/kernel.name") |"
  echo "| RAM given, MemTotal | | $memory MB, $total kB |"
  echo "| PSS, 30 workers | ≤ 1.3 MB | $(figure quiet pss_kb) kB |"
  echo "| private dirty | ≤ 400 kB | $(figure quiet private_dirty_kb) kB |"
  echo "| wake-ups per second | ≤ 0.2 | $(awk "BEGIN { printf \"%.2f\", $(figure quiet wakeups_in_20_s) / 20 }") |"
  echo "| CPU per cycle and process, emulated | ≤ 1.5 × the C loop | $(awk "BEGIN {
    printf \"%.1f µs; C loop %.1f µs; × %.2f\", $(figure cycle cpu_ns) / 1000, $(figure cycle floor_cpu_ns) / 1000,
      $(figure cycle ratio_percent) / 100 }") |"
  echo "| start to first answer, emulated | | $(figure first_answer ms) ms |"
  echo "| boot to first answer, emulated | | $(figure first_answer since_boot_ms) ms |"
  echo "| file | ≤ 1.0 MB | $(($(stat -c %s "$device/memwarden") / 1000)) kB |"
  echo "| steps | | $(grep -c '^BOOT-OK' "$out/scenario.steps") and, degraded, $(grep -c '^BOOT-OK' "$out/degraded.steps") |"
  echo "| this took | | ${took[scenario]} s and ${took[degraded]} s |"
} >"$out/report.md"
cat "$out/report.md"
