#!/usr/bin/env bash
# report.sh FOLDER: what the demonstrations in it have shown, as Markdown, also for the summary of a job. Ends with 1 where one
# has failed, or none was run.
set -euo pipefail

records=$(find "$1" -name 'gitops-*.tsv' -exec cat {} + | sort -u)
if [[ -z $records ]]; then
  echo "report.sh: there is no record in $1" >&2
  exit 1
fi
{
  printf '## GitOps\n\n|  | shown | seconds |\n| --- | --- | --- |\n'
  awk -F '\t' 'NF == 3 { print "| " $1 " | " ($2 == "yes" ? "yes" : "**no**") " | " $3 " |" }' <<<"$records"
  printf '\n'
  find "$1" -name drift.md -exec cat {} +
} | tee -a "${GITHUB_STEP_SUMMARY:-/dev/null}"
! grep -q $'\tno\t' <<<"$records"
