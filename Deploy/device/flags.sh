# How C is compiled for a board, to be sourced after processors.sh: $bin, $root, $out and $home are set.
# Position independent, because the agent listens to the network as root: 20 kB for addresses that cannot be guessed.
# Names of files on the building machine stay out of the product.
bare_cc=("$bin/clang" "--target=$c_target" "${code[@]}")
cc=("${bare_cc[@]}" -nostdlibinc -isystem "$root/include")
c_flags=(-Oz -mllvm -enable-machine-outliner=always -g -fPIE -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-unwind-tables
  "-ffile-prefix-map=$home=." "-ffile-prefix-map=$out=.")
c_hardening=(-fstack-protector-strong) # not for musl, which sets the protector up
