# The processors memwarden is built for: to be sourced with the name in $arch. Says how each compiler names them.
#   swift_target  a bare-metal triple, whose Embedded standard library the toolchain ships for every processor
#   c_target      the same processor with Linux and musl, for clang
#   musl          its name in musl's source
#   code          what both compilers must agree on: instruction set and calling convention
#   gcc, package  the compiler that owns libgcc.a, the arithmetic the processor lacks, and its Debian package
#   qemu          the emulator of qemu-user-static
case ${arch:-} in
  x86_64)
    swift_target=x86_64-unknown-none-elf c_target=x86_64-linux-musl musl=x86_64 code=()
    gcc=x86_64-linux-gnu-gcc package=gcc qemu=x86_64 ;;
  aarch64)
    swift_target=aarch64-none-none-elf c_target=aarch64-linux-musl musl=aarch64 code=()
    gcc=aarch64-linux-gnu-gcc package=gcc-aarch64-linux-gnu qemu=aarch64 ;;
  armv7)
    swift_target=armv7-none-none-eabi c_target=armv7-linux-musleabihf musl=arm
    code=(-mfloat-abi=hard -mfpu=vfpv3-d16 -mthumb)
    gcc=arm-linux-gnueabihf-gcc package=gcc-arm-linux-gnueabihf qemu=arm ;;
  armv7-softfloat)
    swift_target=armv7-none-none-eabi c_target=armv7-linux-musleabi musl=arm code=(-mfloat-abi=soft -mthumb)
    gcc=arm-linux-gnueabi-gcc package=gcc-arm-linux-gnueabi qemu=arm ;;
  riscv64)
    swift_target=riscv64-none-none-eabi c_target=riscv64-linux-musl musl=riscv64 code=(-march=rv64gc -mabi=lp64d)
    gcc=riscv64-linux-gnu-gcc package=gcc-riscv64-linux-gnu qemu=riscv64 ;;
  *)
    echo "device: ARCH is one of x86_64 aarch64 armv7 armv7-softfloat riscv64, not '${arch:-}'" >&2
    exit 2 ;;
esac
