#!/usr/bin/env bash
# Holds the completions and the manual against the program: every verb and option of its help is in them, and bash
# offers what it should. Needs build/memwarden and mandoc or man.
set -euo pipefail
cd "$(dirname "$0")"
program=$(realpath ../../build/memwarden)
failed=0
fail() {
  echo "completions: $*" >&2
  failed=1
}
. ./memwarden.bash

# What bash offers for the words given, the last one begun.
offers() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  _memwarden
  printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' '
}
expect() {
  local expected=$1 found
  shift
  found=$(offers "$@")
  [ "$found" = "$expected" ] || fail "'$*' offers '$found', not '$expected'"
}

# Without a running memwarden.
memwarden() { return 1; }
expect "recycle redirect reload resume " memwarden re
expect "--config --help --observe --quiet -c " memwarden run -
expect "--live " memwarden check --l
expect "--after --help --json --limit --socket --token-file --url " memwarden events ''
expect "boot iso none " memwarden log --timestamp ''
expect " " memwarden recycle ''
expect "memwarden.bash " memwarden run -c mem

# With one: names from its tables.
memwarden() {
  case $1 in
    workers) printf '%s\n' 'NAME  STATE  VALUE' 'web   ok     1 MiB' '      a remark' 'worker.2 ok 2 MiB' ;;
    logs) printf '%s\n' 'ID       STATE   PATH' '7b05e945 watched /var/log/a.log' '         not cut: no' '' \
      'STATE   GROUP' 'within  /var/log/*' ;;
  esac
}
expect "web worker.2 " memwarden explain ''
expect "worker.2 " memwarden recycle wo
expect "/var/log/a.log " memwarden cut /var
expect "/var/log/a.log " memwarden undo /var
expect "null " memwarden redirect /var/log/a.log --to n

# Nothing of the program is forgotten.
manual=$(sed 's/\\-/-/g' ../man/memwarden.8)
while read -r verb; do
  [[ " $(offers memwarden '') " == *" $verb "* ]] || fail "bash does not know the verb $verb"
  grep -q "^    '$verb:" _memwarden || fail "zsh does not know the verb $verb"
  grep -qE "^\.(It )?Cm $verb( |\$)" <<<"$manual" || fail "the manual does not know the verb $verb"
  for option in $("$program" "$verb" --help | grep -oE -- '--[a-z-]+|(^|\[)-c\b' | tr -d '[' | sort -u); do
    [[ " $(offers memwarden "$verb" -) " == *" $option "* ]] || fail "bash does not know $verb $option"
    grep -qF -- "$option" _memwarden || fail "zsh does not know $option"
    grep -qF -- "Fl ${option#-}" <<<"$manual" || fail "the manual does not know $option"
  done
done < <("$program" --help | sed -n 's/^  \([a-z]\{1,\}\) .*/\1/p')
for key in $(grep -oE '^[ #]*[a-z_]+ = ' ../../Config/memwarden.conf | tr -d ' #=' | sort -u); do
  grep -qE "^\.It Cm $key( |\$)" ../man/memwarden.conf.5 || [[ $key == key || $key == list ]] ||
    fail "the manual does not know the key $key"
done
exit "$failed"
