#!/bin/sh
# Register a carrier once, however bad the line is (curl 7.71 or newer, jq).
#
# Every attempt carries the same Idempotency-Key, so the registry carries out the first that reaches it and answers the
# others with the same carrier. curl tries again by itself when there was no answer or a busy one, and waits as long as
# Retry-After says.
set -eu

usage='usage: register.sh --name NAME --email EMAIL [--url URL] [--key KEY] [--patience SECONDS]

--key names the attempt; best one that you keep with your own row. An API key is taken from CARRIERS_API_KEY.
Exit codes: 0 registered, 1 refused, 2 wrong usage, 75 given up for now.'

url=http://127.0.0.1:8000 name='' email='' key='' patience=60
while [ $# -gt 0 ]; do
    case $1 in
        --help) echo "$usage"; exit ;;
        --url | --name | --email | --key | --patience)
            [ $# -ge 2 ] || { echo "$usage" >&2; exit 2; }
            case $1 in
                --url) url=$2 ;; --name) name=$2 ;; --email) email=$2 ;; --key) key=$2 ;; --patience) patience=$2 ;;
            esac
            shift 2 ;;
        *) echo "$usage" >&2; exit 2 ;;
    esac
done
[ -n "$name" ] && [ -n "$email" ] || { echo "$usage" >&2; exit 2; }
[ -n "$key" ] || key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 143' INT TERM
umask 077
# Through a pipe: what stands in the command line can be seen by everyone on the machine.
key_header() { [ -z "${CARRIERS_API_KEY:-}" ] || printf 'Authorization: Bearer %s\n' "$CARRIERS_API_KEY"; }
jq -n --arg name "$name" --arg email "$email" '{name: $name, email: $email}' >"$folder/body"

status=$(key_header | curl --silent --show-error --max-time 40 \
    --retry 100 --retry-all-errors --retry-max-time "$patience" \
    --header @- --header 'Content-Type: application/json' --header "Idempotency-Key: $key" \
    --data-binary @"$folder/body" --output "$folder/answer" --write-out '%{http_code}' \
    "$url/register-carrier") || status=000
case $status in
    200 | 201) jq -r .data.carrier_id "$folder/answer" ;;
    000 | 408 | 429 | 5??)
        echo "given up for now ($status): run it again with --key $key, which does it once" >&2
        exit 75 ;;
    *)
        echo "$status: $(cat "$folder/answer")" >&2
        exit 1 ;;
esac
