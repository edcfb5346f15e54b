# The C libraries of a board, built into $root; to be sourced by build.sh. Each is built once, and again when the recipe
# is newer. What was said while building is in $out/<library>/log.

logged() { # DIRECTORY COMMAND...: its last words are shown when it fails
  local directory=$1
  shift
  rm -rf "$directory"
  mkdir -p "$directory"
  echo "device: $arch: ${directory##*/}"
  (cd "$directory" && set -e && "$@") >"$directory/log" 2>&1 && return
  tail -n 20 "$directory/log" >&2
  echo "device: ${directory##*/} could not be built, see $directory/log" >&2
  exit 1
}

build_musl() {
  CC="${bare_cc[*]}" CFLAGS="${c_flags[*]}" AR="$bin/llvm-ar" RANLIB="$bin/llvm-ranlib" \
    "$sources/musl/configure" --target="$c_target" --prefix="$root" --disable-shared --enable-optimize=size
  make -j2 install
}

# Messages stay: through them the errors of connections are counted. Threads stay, though none is ever started:
# libmicrohttpd 0.9.75 does not compile without. Its build's generators stay out, whatever the dates of its files.
build_libmicrohttpd() {
  "$sources/libmicrohttpd/configure" --host="$c_target" --prefix="$root" \
    CC="${cc[*]}" CFLAGS="${c_flags[*]} ${c_hardening[*]}" LDFLAGS="-fuse-ld=lld -nostdlib -static $root/lib/crt1.o" \
    LIBS="-L$root/lib -lc -L$(dirname "$libgcc") -lgcc" \
    AR="$bin/llvm-ar" RANLIB="$bin/llvm-ranlib" NM="$bin/llvm-nm" \
    ACLOCAL=: AUTOCONF=: AUTOHEADER=: AUTOMAKE=: \
    --disable-shared --disable-https --disable-bauth --disable-dauth --disable-postprocessor --disable-httpupgrade \
    --disable-poll --with-threads=posix --enable-itc=pipe --disable-nls --disable-doc --disable-examples \
    --disable-curl --disable-dependency-tracking
  make -j2 -C src/include install
  make -j2 -C src/microhttpd install
}

# Two files need no configure; its tarball has none.
build_libconfuse() {
  flex -Pcfg_yy -o lexer.c "$sources/libconfuse/src/lexer.l"
  local file
  for file in lexer.c "$sources/libconfuse/src/confuse.c"; do
    "${cc[@]}" "${c_flags[@]}" "${c_hardening[@]}" -w "-I$sources/libconfuse/src" -D_GNU_SOURCE \
      -DHAVE_UNISTD_H -DHAVE_STRING_H -DHAVE_STRINGS_H -DHAVE_STRDUP -DHAVE_STRNDUP -DHAVE_STRCASECMP \
      -DHAVE_FMEMOPEN -DHAVE_REALLOCARRAY -include "$here/lean.h" \
      '-DPACKAGE_VERSION="3.3"' '-DPACKAGE_STRING="libConfuse 3.3"' -c "$file"
  done
  "$bin/llvm-ar" rcs "$root/lib/libconfuse.a" lexer.o confuse.o
  cp "$sources/libconfuse/src/confuse.h" "$root/include/"
}

# What deflate needs, and nothing that inflates, opens files or prints. The CRC's tables are made at the first use.
build_zlib() {
  local file files=()
  for file in adler32 crc32 deflate trees zutil; do
    "${cc[@]}" "${c_flags[@]}" "${c_hardening[@]}" -w "-I$sources/zlib" -DHAVE_HIDDEN -DHAVE_UNISTD_H -DHAVE_STDARG_H \
      -DDYNAMIC_CRC_TABLE -c "$sources/zlib/$file.c"
    files+=("$file.o")
  done
  "$bin/llvm-ar" rcs "$root/lib/libz.a" "${files[@]}"
  cp "$sources/zlib/zlib.h" "$sources/zlib/zconf.h" "$root/include/"
}

below=()
for library in musl libmicrohttpd libconfuse zlib; do
  if stale "$out/$library/built" "$here/libraries.sh" "$here/lean.h" "$here/flags.sh" "$here/processors.sh" "$sources/complete" \
    "${below[@]}"; then
    logged "$out/$library" "build_$library"
    touch "$out/$library/built"
  fi
  below+=("$out/$library/built")
done
