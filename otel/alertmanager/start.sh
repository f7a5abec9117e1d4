#!/bin/sh
# Fills alertmanager.yml in from the environment, since Alertmanager reads no variables, and starts it with the given
# options. Variables, all optional:
#   ALERT_WEBHOOK_URL, or a file of that name in /run/secrets   called with each group of alerts
#   ALERT_MAIL_TO, _FROM, _SMARTHOST (host:port), _USER, _TLS   instead of a webhook; the password is a file in /run/secrets
#   ALERT_WATCHDOG_URL   called each five minutes as long as alerts arrive
#   ALERT_SANDBOX=true   the sandbox's alerts are sent too, for a demonstration
#   FILLED_DIR           where the filled-in files lie (/tmp)
set -eu
umask 077
here=$(dirname "$0")
filled=${FILLED_DIR:-/tmp}
script=$filled/alertmanager.sed
: > "$script"

refuse() {
  echo "alertmanager: $1" >&2
  exit 2
}

# Puts a value in place of the one on the line that is marked with this variable.
put() {
  case $2 in
    *[!A-Za-z0-9@._+:-]*) refuse "$1: may hold letters, digits and @ . _ + : - alone" ;;
  esac
  echo "s|: [^ ]* # $1\( .*\)\{0,1\}\$|: $2|" >> "$script"
}

# Writes an address to a file, which Alertmanager reads: it may hold a token, and a log shows the configuration.
keep() {
  case $2 in
    http://*|https://*) printf %s "$2" > "$filled/$1" ;;
    *) refuse "ALERT_…_URL: is not an http:// or https:// address" ;;
  esac
}

webhook=${ALERT_WEBHOOK_URL:-}
if [ -z "$webhook" ] && [ -s /run/secrets/alert_webhook_url ]; then
  webhook=$(cat /run/secrets/alert_webhook_url)
fi
receiver=nobody
if [ -n "$webhook" ]; then
  keep alert_webhook_url "$webhook"
  receiver=webhook
elif [ -n "${ALERT_MAIL_TO:-}" ]; then
  receiver=mail
  put ALERT_MAIL_TO "$ALERT_MAIL_TO"
  put ALERT_MAIL_FROM "${ALERT_MAIL_FROM:-$ALERT_MAIL_TO}"
  put ALERT_MAIL_SMARTHOST "${ALERT_MAIL_SMARTHOST:-localhost:25}"
  if [ -n "${ALERT_MAIL_USER:-}" ]; then put ALERT_MAIL_USER "$ALERT_MAIL_USER"; fi
  put ALERT_MAIL_TLS "${ALERT_MAIL_TLS:-true}"
fi
echo "s|receiver: nobody # ALERT_WEBHOOK_URL or ALERT_MAIL_TO|receiver: $receiver|" >> "$script"
case ${ALERT_SANDBOX:-false} in
  true) echo "s|receiver: nobody # ALERT_SANDBOX|receiver: $receiver|" >> "$script" ;;
  false) ;;
  *) refuse "ALERT_SANDBOX: is neither true nor false" ;;
esac
if [ -n "${ALERT_WATCHDOG_URL:-}" ]; then
  keep alert_watchdog_url "$ALERT_WATCHDOG_URL"
  echo "s|receiver: nobody # ALERT_WATCHDOG_URL|receiver: watchdog|" >> "$script"
fi
echo "s|/tmp/alert_|$filled/alert_|" >> "$script"
sed -f "$script" "$here/alertmanager.yml" > "$filled/alertmanager.yml"
unset ALERT_WEBHOOK_URL ALERT_WATCHDOG_URL
echo "alertmanager: alerts go to $receiver"
exec alertmanager --config.file="$filled/alertmanager.yml" "$@"
