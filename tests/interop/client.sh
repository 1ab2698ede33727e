#!/usr/bin/env bash
# Signs requests with curl and openssl, as the gateway's documentation says, and checks the answers.
#
#     HMAC_KEY_ID=… HMAC_SECRET_KEY=… client.sh http://127.0.0.1:8080
set -euo pipefail
# Dates need English names of days and months.
export LC_ALL=C

base_url=$1
: "${HMAC_KEY_ID:?}" "${HMAC_SECRET_KEY:?}"
passed=0

unsigned='HMAC signature cannot be verified, a validate authorization header is required'
late='HMAC signature cannot be verified, the x-date header is out of date for HMAC Authentication.'
unknown='HMAC signature cannot be verified.'
mismatch='HMAC signature does not match.'
signs='a b, "c"; d=e/f%20+&<>'\''\'
beyond_ascii='café ✓ 你'

# http_date AGE FORM: FORM is an option of `date`.
http_date() { date -u -d "@$(($(date +%s) - $1))" "$2"; }

# hmac DIGEST KEY: prints the HMAC of standard input in base64. openssl takes the key as an argument
# only, where other users of the machine can read it. In production, compute the HMAC in another
# way.
hmac() { openssl dgst "-$1" -hmac "$2" -binary | openssl base64 -A; }

# joined SEPARATOR WORD...: uses printf, as a command substitution would remove a newline at the
# end.
joined() {
    local separator=$1 first=$2; shift 2
    printf '%s' "$first" "${@/#/$separator}"
}

# check CASE DATE_HEADER [SETTING=VALUE]...: sends one request. It must be refused with the text in
# `refused`, or be accepted if there is none.
check() {
    local name="$2 $1" date_header=$2
    local source=interop age=0 further='' algorithm=hmac-sha1 body='' refused='' authorize=yes
    local key_id=$HMAC_KEY_ID secret_key=$HMAC_SECRET_KEY date_form='+%a, %d %b %Y %H:%M:%S GMT' separator=', '
    shift 2
    local sent_source "$@"

    local -a names=("$date_header" source) values=("$(http_date "$age" "$date_form")" "$source")
    if [[ $further ]]; then names+=("${further%%: *}") values+=("${further#*: }"); fi
    local -a lines=() curl=(curl --silent --show-error --disable --noproxy '*' --max-time 10)
    local i
    for i in "${!names[@]}"; do
        lines+=("${names[i]}: ${values[i]}")
        [[ ${names[i]} == source && -v sent_source ]] && values[i]=$sent_source
        # curl removes a header given as `name:`, and sends `name;` with an empty value.
        if [[ ${values[i]} ]]; then curl+=(--header "${names[i]}: ${values[i]}"); else curl+=(--header "${names[i]};"); fi
    done
    local signature listed
    signature=$(joined $'\n' "${lines[@]}" | hmac "${algorithm#hmac-}" "$secret_key")
    if [[ $authorize == yes ]]; then
        curl+=(--header "Authorization: hmac $(joined "$separator" "id=\"$key_id\"" "algorithm=\"$algorithm\"" \
            "headers=\"${names[*]}\"" "signature=\"$signature\"")")
    fi
    if [[ $body ]]; then curl+=(--data-binary "$body" --header 'Content-Type: application/json'); fi

    local got wanted
    got=$("${curl[@]}" --write-out ' %{http_code}' "$base_url/v1/orders?x=1") || got="curl's status $?"
    # JSON allows spaces between tokens: remove those after a colon or a comma outside of strings.
    got=${got//'": '/'":'} got=${got//'", "'/'","'}
    listed=$(joined '","' "${names[@]}")
    wanted="{\"key_id\":\"$key_id\",\"signed\":[\"$listed\"]} 200"
    if [[ $refused ]]; then wanted="{\"message\":\"$refused\"} 401"; fi
    if [[ $got != "$wanted" ]]; then
        echo "not ok shell $name: wanted $wanted, got $got" >&2
        exit 1
    fi
    echo "ok shell $name"
    passed=$((passed + 1))
}

for date_header in date x-date; do
    check 'plain source' "$date_header"
    check 'empty source' "$date_header" source=
    check 'source with signs' "$date_header" source="$signs"
    check 'source beyond ASCII' "$date_header" source="$beyond_ascii"
    check 'hmac-sha256' "$date_header" algorithm=hmac-sha256
    check 'POST with a body' "$date_header" body='{"hello":"world"}'
    # This format ends in +0000.
    check 'zone that is not spelled GMT' "$date_header" date_form=-R
    check 'two spaces after each comma' "$date_header" separator=',  '
    check 'wrong key' "$date_header" secret_key="${HMAC_SECRET_KEY}x" refused="$mismatch"
    check 'altered source' "$date_header" sent_source=altered refused="$mismatch"
    check 'unknown key id' "$date_header" key_id="${HMAC_KEY_ID}x" refused="$unknown"
    check 'unsigned' "$date_header" authorize=no refused="$unsigned"
done

# The gateway checks the age of X-Date, but not that of Date.
check 'two days old' date age=$((2 * 24 * 3600))
check '14 minutes old' x-date age=$((14 * 60))
check '16 minutes old' x-date age=$((16 * 60)) refused="$late"
# A proxy may change or drop these.
check 'with a signed host' x-date further="host: ${base_url#*://}"
check 'with a signed header that has an underscore' x-date further='x_tenant: blue'
echo "shell: $passed cases"
