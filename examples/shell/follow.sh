#!/bin/sh
# Follow the feed into a folder of your own: every event exactly once, in order (curl 7.71 or newer, jq).
#
# Each page becomes one file that is named after the position behind which it begins, and that says where the next one
# begins. It is written elsewhere, synced, and then linked to its name, which succeeds for one process and once only. So
# events and position come together, whenever this program is killed.
set -eu

usage='usage: follow.sh [--url URL] [--into FOLDER] [--once]

--once ends when what there is has been taken. An API key is taken from CARRIERS_API_KEY.
Exit codes: 0 --once and caught up, 1 refused, 2 wrong usage, 3 the feed is another one than the folder was made from.'

url=http://127.0.0.1:8000 into=carriers limit=500 once=''
while [ $# -gt 0 ]; do
    case $1 in
        --help) echo "$usage"; exit ;;
        --once) once=yes; shift ;;
        --url | --into)
            [ $# -ge 2 ] || { echo "$usage" >&2; exit 2; }
            case $1 in --url) url=$2 ;; --into) into=$2 ;; esac
            shift 2 ;;
        *) echo "$usage" >&2; exit 2 ;;
    esac
done

mkdir -p "$into"
folder=$(mktemp -d "$into/.draft-XXXXXX") # beside the pages: a link does not lead to another disk
trap 'rm -rf "$folder"' EXIT
trap 'exit 143' INT TERM
umask 077
# Through a pipe: what stands in the command line can be seen by everyone on the machine.
key_header() { [ -z "${CARRIERS_API_KEY:-}" ] || printf 'Authorization: Bearer %s\n' "$CARRIERS_API_KEY"; }

# The file comes to its name whole, and once only: ln fails if another process was quicker.
keep() {
    sync "$1"
    ln "$1" "$into/$2" 2>/dev/null || [ -e "$into/$2" ]
    sync "$into"
    rm "$1" # or the next draft would be written over what has two names now
}

while :; do
    last=$(find "$into" -maxdepth 1 -name '[0-9]*.json' | sort | tail -n 1)
    after=0 feed='' wait=20
    [ -z "$last" ] || after=$(jq .data.next "$last")
    [ ! -e "$into/feed" ] || feed=$(cat "$into/feed")
    [ -z "$once" ] || wait=0
    # A busy service is asked again by curl itself, after as long as its Retry-After says.
    status=$(key_header | curl --silent --show-error --max-time 60 --retry 10 --retry-all-errors --retry-max-time 20 \
        --header @- --output "$folder/page" --write-out '%{http_code}' \
        "$url/events?limit=$limit&wait=$wait&after=$after${feed:+&feed=$feed}") || { sleep 1; continue; }
    case $status in
        200) ;;
        410) cat "$folder/page" >&2; exit 3 ;;
        408 | 429 | 5??) sleep 1; continue ;;
        *) cat "$folder/page" >&2; exit 1 ;;
    esac
    found=$(jq -r '.data.feed // empty' "$folder/page")
    if [ -n "$feed" ] && [ -n "$found" ] && [ "$feed" != "$found" ]; then
        echo "the feed is $found and $into was made from $feed" >&2
        exit 3
    fi
    if [ -z "$feed" ] && [ -n "$found" ]; then
        echo "$found" >"$folder/feed"
        keep "$folder/feed" feed
        continue # and ask for that feed by its name
    fi
    events=$(jq '.data.events | length' "$folder/page")
    if [ "$(jq .data.next "$folder/page")" -gt "$after" ]; then
        keep "$folder/page" "$(printf %016d "$after").json"
    fi
    [ -z "$once" ] || [ "$events" -ge "$limit" ] || exit 0
done
