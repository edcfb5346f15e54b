# The boards that are booted: to be sourced with the name in $arch, after Deploy/device/processors.sh.
#   debian, image, codename   Debian's name of the processor, its kernel package, and the release that has both, where
#                             this machine's own does not
#   qemu, memory              the emulator, and the MB of RAM it gives: the least with which this kernel starts. The
#                             kernels are built for servers; /proc/meminfo shows 30 to 46 MB of it
#   console                   its serial port
codename=
case $arch in
  x86_64)
    debian=amd64 image=linux-image-cloud-amd64 memory=80 console=ttyS0
    qemu=(qemu-system-x86_64 -M pc -accel tcg) emulator=qemu-system-x86 ;;
  aarch64)
    debian=arm64 image=linux-image-cloud-arm64 memory=64 console=ttyAMA0
    qemu=(qemu-system-aarch64 -M virt -cpu cortex-a53) emulator=qemu-system-arm ;;
  armv7 | armv7-softfloat)
    debian=armhf image=linux-image-armmp memory=64 console=ttyAMA0
    qemu=(qemu-system-arm -M virt -cpu cortex-a15) emulator=qemu-system-arm ;;
  riscv64)
    debian=riscv64 image=linux-image-riscv64 codename=trixie memory=96 console=ttyS0
    qemu=(qemu-system-riscv64 -M virt) emulator=qemu-system-misc ;;
esac
