#!/usr/bin/env bash
# Graph and Entra ID behind TLS with a private CA, HTTP/2 and gzip, as nginx gives them; the app proves itself by certificate
# (PS256), and the other Graph checks the assertion.
. "$(dirname "$0")/lib.sh"
cd "$work"
authority() {  # authority NAME
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -keyout "$1.key" -out "$1.pem" 2>/dev/null
}
for name in ours other app stranger; do authority $name; done
cat app.key app.pem >app-identity.pem
cat stranger.key stranger.pem >stranger-identity.pem
openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr 2>/dev/null
echo "subjectAltName=DNS:localhost" >server.ext
openssl x509 -req -in server.csr -CA ours.pem -CAkey ours.key -CAcreateserial -days 2 -extfile server.ext -out server.pem 2>/dev/null

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
directory 3000 200
start_another_graph --public-url "https://localhost:$port" --certificate "$work/app.pem"
cat >nginx.conf <<END
$([ "$(id -u)" -ne 0 ] || echo "user root;")
daemon off;
pid $work/nginx.pid;
error_log $work/nginx-error.log;
worker_processes 1;
events {}
http {
  log_format facts '\$server_protocol \$connection \$gzip_ratio \$ssl_protocol \$request_method \$uri';
  access_log $work/access.log facts;
  client_body_temp_path $work/nginx-body;
  proxy_temp_path $work/nginx-proxy;
  fastcgi_temp_path $work/nginx-fastcgi;
  uwsgi_temp_path $work/nginx-uwsgi;
  scgi_temp_path $work/nginx-scgi;
  gzip on;
  gzip_proxied any;
  gzip_types *;  # the type has parameters, which nginx compares too
  upstream graph { server ${control_url:7:-8}; keepalive 8; }
  server {
    listen 127.0.0.1:$port ssl http2;
    ssl_certificate $work/server.pem;
    ssl_certificate_key $work/server.key;
    location / {
      proxy_pass http://graph;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Accept-Encoding "";
    }
  }
}
END
start nginx nginx -p "$work" -c "$work/nginx.conf" -e "$work/nginx-error.log"
until_true 10 "nginx came up" curl -fsS --cacert ours.pem "https://localhost:$port/control/stats"
unset MS_AUTH_SECRET
export MS_AUTH_CERTIFICATE_FILE=$work/app-identity.pem ROLLCALL_CA_FILE=$work/ours.pem
rollcall migrate >/dev/null
rollcall topics create >/dev/null

# Who cannot be trusted is refused, and the operator reads why.
verdict() { { env "$@" "$bin/rollcall" doctor --json || true; } | jq -r '.checks[] | select(.check == "token") | .state + ": " + .message'; }
for authority in other.pem ""; do
  said=$(verdict ROLLCALL_CA_FILE="${authority:+$work/$authority}")
  [[ $said == problem:*"SSL certificate problem"* ]] || fail "a server of an unknown CA (trusting ${authority:-the system}): $said"
done
equal "$(control stats | jq -c .tokens)" '{"secret":0,"assertion":0}' "tokens given to who did not trust the server"
said=$(verdict MS_AUTH_CERTIFICATE_FILE="$work/stranger-identity.pem")
[[ $said == problem:*AADSTS700027* ]] || fail "an assertion by another certificate: $said"
said=$(verdict A=)
[[ $said == ok:* ]] || fail "the right CA and certificate: $said"
code=0; said=$(ROLLCALL_CA_FILE=$work/absent.pem "$bin/rollcall-member-sync" --check-config 2>&1) || code=$?
[ $code -ne 0 ] && [[ $said == *ROLLCALL_CA_FILE*absent.pem* ]] || fail "a CA file that is not there: $said"

: >access.log
for worker in member-sync scheduler; do start_worker $worker; done
org=$(rollcall org add --name "Transport" --group $group --json | jq -r .id)
roster 0 2999
rollcall roster import "$org" roster.csv >/dev/null
answer=$(rollcall sync "$org" --wait --json --timeout 120)
equal "$(jq -c '[.state, (.result | .added, .failed)]' <<<"$answer")" '["succeeded",2800,0]' "result"
equal "$(control "members/$group" | jq length)" 3000 "members of the group"
equal "$(control stats | jq .tokens.secret)" 0 "tokens by secret"
requests=$(wc -l <access.log)
equal "$(awk '{print $1}' access.log | sort -u)" "HTTP/2.0" "protocol of every request"
at_most "$(awk '{print $2}' access.log | sort -u | wc -l)" 2 "connections for $requests requests, up to four at once"
[ "$requests" -ge 18 ] || fail "too few requests to tell: $requests"
[ "$(awk '$3 != "-"' access.log | wc -l)" -ge 10 ] || fail "answers came without gzip"
echo "$requests requests: $(awk '{print $1, $4}' access.log | sort | uniq -c | xargs), $(awk '{print $2}' access.log | sort -u | wc -l) connections"
echo "transport: passed"
