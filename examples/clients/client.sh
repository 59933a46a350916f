#!/usr/bin/env bash
# A client of bash alone that speaks the lab's client protocol (docs/client-protocol.md), and NATS over /dev/tcp.
# It publishes, and makes pull consumers. One thing is done at a time; what comes meanwhile is passed on.
set -u
LC_ALL=C # lengths are bytes
INBOX="_INBOX.$$.$RANDOM$RANDOM"
servers=() login="" socket="" rest="" number=0
declare -A pulls=() replies=() # request id -> "stream durable"; "id sequence" -> where to acknowledge

text() { [[ $line =~ \"$1\":\"([^\"]*)\" ]] && printf -v "$1" %s "${BASH_REMATCH[1]}" || printf -v "$1" %s ""; }
whole() { [[ $line =~ \"$1\":([0-9]+) ]] && printf -v "$1" %s "${BASH_REMATCH[1]}" || printf -v "$1" %s 0; }
answer() { printf '{"id":%s,"outcome":"%s"%s}\n' "$id" "$1" "${2:+,$2}"; }
because() { answer "$1" "\"error\":\"$2\""; }

# --- NATS ---

send() { { printf %s "$1" >&"$socket"; } 2>/dev/null || gone; }
gone() { [[ -z $socket ]] || exec {socket}>&-; socket=""; }
now() { printf '%(%s)T' -1; }

dial() { # to the first server that greets
    local server host
    for server in "${servers[@]}"; do
        host=${server#nats://}
        { exec {socket}<>"/dev/tcp/${host%:*}/${host##*:}"; } 2>/dev/null || { socket=""; continue; }
        if read -r -t 2 -u "$socket" _; then
            send "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true$login}"$'\r\n'"SUB $INBOX.> 1"$'\r\n'
            [[ -n $socket ]] && for pull in "${!pulls[@]}"; do fetch "$pull"; done
            [[ -n $socket ]] && return
        fi
        gone
    done
    return 1
}

pub() { send "PUB $1 $2 ${#3}"$'\r\n'"$3"$'\r\n'; }

fetch() { # ask for messages, for five seconds
    local stream durable
    read -r stream durable <<<"${pulls[$1]}"
    pub "\$JS.API.CONSUMER.MSG.NEXT.$stream.$durable" "$INBOX.pull.$1" '{"batch":100,"expires":5000000000}'
    again=$(($(now) + 5))
}

receive() { # one line of the server, and what follows it; the reply that came is in `reply`
    local words size head body
    read -r -t 5 -u "$socket" -a words || { gone; return; }
    words=("${words[@]%$'\r'}")
    case ${words[0]:-} in
    PING) send $'PONG\r\n' ;;
    MSG | HMSG)
        size=${words[-1]} head=0 headers="" body=""
        [[ ${words[0]} = HMSG ]] && head=${words[-2]} && read -r -t 5 -N "$head" -u "$socket" headers
        ((size > head)) && read -r -t 5 -N $((size - head)) -u "$socket" body
        read -r -t 5 -N 2 -u "$socket" _
        local to=${words[1]}
        case $to in
        "$INBOX".reply.*) [[ ${to##*.} = "$number" ]] && reply=$body came=yes ;;
        *) deliver "${words[@]:0:4}" ;;
        esac ;;
    esac
}

deliver() { # MSG subject sid reply: the reply says which delivery of which message
    local parts pull
    if [[ ${4:-} != '$JS.ACK.'* ]]; then # a status: the request has ended
        again=0
        return
    fi
    IFS=. read -r -a parts <<<"$4"
    for pull in "${!pulls[@]}"; do
        [[ ${pulls[$pull]} = "${parts[2]} ${parts[3]}" ]] || continue
        replies["$pull ${parts[5]}"]=$4
        printf '{"consumer":%s,"sequence":%s,"subject":"%s","body":"%s","delivery":%s}\n' \
            "$pull" "${parts[5]}" "$2" "$body" "${parts[4]}"
    done
}

request() { # subject, payload, milliseconds: the reply, or status 1 when none came; HPUB with a header in $4
    local ends
    [[ -n $socket ]] || dial || return 2
    number=$((number + 1)) reply="" headers="" came="" ends=$((${EPOCHREALTIME/./} + $3 * 1000))
    local to="$INBOX.reply.$number"
    if [[ -n ${4:-} ]]; then
        local header=$'NATS/1.0\r\n'"$4"$'\r\n\r\n'
        send "HPUB $1 $to ${#header} $((${#header} + ${#2}))"$'\r\n'"$header$2"$'\r\n'
    else
        pub "$1" "$to" "$2"
    fi
    while [[ -n $socket && -z $came ]] && ((${EPOCHREALTIME/./} < ends)); do
        if read -t 0 -u "$socket"; then receive; else sleep 0.002; fi
    done
    [[ -n $came ]]
}

# --- the protocol ---

connect() {
    local user password list
    text user && text password
    [[ -z $user ]] || login=",\"user\":\"$user\",\"pass\":\"$password\""
    [[ $line =~ \"servers\":\[([^]]*)\] ]] && list=${BASH_REMATCH[1]//\"/}
    IFS=, read -r -a servers <<<"$list"
    if dial; then answer ok; else because fail "no server greets"; fi
}

publish() {
    local subject body message_id timeout
    text subject && text body && text message_id && whole timeout
    request "$subject" "$body" "$timeout" "Nats-Msg-Id: $message_id"
    case $? in
    2) because fail "not connected" ;;
    1) because unknown "no acknowledgement" ;;
    0) if [[ $headers = "NATS/1.0 503"* ]]; then
        because fail "no responders"
    elif [[ $reply =~ \"err_code\":([0-9]+) ]]; then
        because fail "JetStream ${BASH_REMATCH[1]}"
    else
        local line=$reply stream seq
        text stream && whole seq
        answer ok "\"stream\":\"$stream\",\"sequence\":$seq"
    fi ;;
    esac
}

consume() {
    local kind stream subject consumer ack_wait config
    text kind && text stream && text subject && text consumer && whole ack_wait
    [[ $kind = pull ]] || { because fail "only pull consumers"; return; }
    config="\"durable_name\":\"$consumer\",\"deliver_policy\":\"new\",\"ack_policy\":\"explicit\""
    config+=",\"ack_wait\":${ack_wait}000000,\"filter_subject\":\"$subject\",\"max_ack_pending\":10000"
    request "\$JS.API.CONSUMER.CREATE.$stream.$consumer.$subject" "{\"stream_name\":\"$stream\",\"config\":{$config}}" 5000
    if [[ -n $came && $reply = *'"created"'* ]]; then
        pulls[$id]="$stream $consumer"
        fetch "$id"
        answer ok
    else
        because fail "the consumer was not made"
    fi
}

ack() {
    local consumer sequence timeout
    whole consumer && whole sequence && whole timeout
    if request "${replies["$consumer $sequence"]}" +ACK "$timeout"; then
        unset "replies[$consumer $sequence]"
        answer ok
    else
        because unknown "not confirmed"
    fi
}

disconnect() { pulls=() && gone && servers=() && answer ok; }

again=0
printf '{"client":"bash %s","protocol":1,"consumers":["pull"]}\n' "$BASH_VERSION"
while true; do
    if read -r -t 0.005 line; then
        line=$rest$line rest=""
        whole id
        [[ $line =~ \"do\":\"([a-z]+)\" ]] && "${BASH_REMATCH[1]}"
    elif (($? > 128)); then
        rest+=$line # the rest of the line is still to come
    else
        exit 0
    fi
    [[ -n $socket || ${#servers[@]} -eq 0 ]] || dial || sleep 0.3
    while [[ -n $socket ]] && read -t 0 -u "$socket"; do receive; done
    ((${#pulls[@]} == 0 || $(now) < again)) || for pull in "${!pulls[@]}"; do [[ -n $socket ]] && fetch "$pull"; done
done
