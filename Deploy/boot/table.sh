#!/usr/bin/env bash
# Joins the reports of these processors into one table.
set -euo pipefail
cd "$(dirname "$0")/../../build/boot"
for arch; do files+=("$arch/report.md"); done
awk -F ' *[|] *' '
  FNR == 1 { column = $2 }
  { if (NR == FNR) row[FNR] = "| " (FNR == 1 ? "what" : $2) " | " $3 " |"; row[FNR] = row[FNR] " " (FNR == 1 ? column : $4) " |" }
  FNR > rows { rows = FNR }
  END { for (i = 1; i <= rows; i++) print row[i] }' "${files[@]}"
