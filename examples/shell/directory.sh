#!/bin/sh
# Page through the whole directory and print a line of JSON for each carrier (curl 7.71 or newer, jq).
#
# A page names the cursor of the next; the last names none.
set -eu

usage='usage: directory.sh [--url URL] [--limit NUMBER] [--state active,suspended,retired]

An API key is taken from CARRIERS_API_KEY.'

url=http://127.0.0.1:8000 limit=100 state=''
while [ $# -gt 0 ]; do
    case $1 in
        --help) echo "$usage"; exit ;;
        --url | --limit | --state)
            [ $# -ge 2 ] || { echo "$usage" >&2; exit 2; }
            case $1 in --url) url=$2 ;; --limit) limit=$2 ;; --state) state=$2 ;; esac
            shift 2 ;;
        *) echo "$usage" >&2; exit 2 ;;
    esac
done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 143' INT TERM
umask 077
# Through a pipe: what stands in the command line can be seen by everyone on the machine.
key_header() { [ -z "${CARRIERS_API_KEY:-}" ] || printf 'Authorization: Bearer %s\n' "$CARRIERS_API_KEY"; }

cursor=''
while :; do
    # The filter goes along with every cursor: that is what the cursor was made for.
    set -- --data-urlencode "limit=$limit"
    [ -z "$state" ] || set -- "$@" --data-urlencode "state=$state"
    [ -z "$cursor" ] || set -- "$@" --data-urlencode "cursor=$cursor"
    # A busy service is asked again by curl itself, after as long as its Retry-After says.
    answered=$(key_header | curl --silent --show-error --max-time 40 --retry 10 --retry-all-errors --retry-max-time 120 --get "$@" \
        --header @- --output "$folder/page" --write-out '%{http_code}' "$url/carriers")
    [ "$answered" = 200 ] || { echo "$answered: $(cat "$folder/page")" >&2; exit 1; }
    jq -c '.data.carriers[]' "$folder/page"
    cursor=$(jq -r '.data.next // empty' "$folder/page")
    [ -n "$cursor" ] || exit 0
done
