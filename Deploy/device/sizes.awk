# lld's link map to bytes per part: an object file is a part, and so is an archive with all its members.
# Columns: in the file and in memory, in memory only (zeroed at start), part.
function hex(digits,    value, i) {
  for (i = 1; i <= length(digits); i++) value = value * 16 + index("123456789abcdef", substr(digits, i, 1))
  return value
}
$5 ~ /:\(/ && $5 !~ /:\(\.(debug|comment|symtab|strtab|shstrtab)/ {
  part = $5
  sub(/:\(.*/, "", part)
  sub(/\(.*/, "", part)
  sub(/.*\//, "", part)
  if (part == "<internal>") part = "text constants and tables of the linker"
  if ($5 ~ /:\(\.(bss|sbss|tbss)/) zeroed[part] += hex($3)
  else stored[part] += hex($3)
}
END {
  for (part in stored) printf "%8d %8d  %s\n", stored[part], zeroed[part], part
}
