{{- /* A value as TOML. Helm reads every number as a float; integers must not get a decimal point. */ -}}
{{- define "context-manager.toml-value" -}}
{{- if kindIs "map" . -}}
{ {{- $first := true }}{{ range $key, $value := . }}{{ if not (kindIs "invalid" $value) }}{{ if not $first }},{{ end }} {{ $key }} = {{ include "context-manager.toml-value" $value }}{{ $first = false }}{{ end }}{{ end }} }
{{- else if kindIs "slice" . -}}
[{{ range $index, $value := . }}{{ if $index }}, {{ end }}{{ include "context-manager.toml-value" $value }}{{ end }}]
{{- else if and (kindIs "float64" .) (eq (floor .) .) -}}
{{ int64 . }}
{{- else -}}
{{ toJson . }}
{{- end -}}
{{- end }}

{{- /* The settings that follow from other values, with those of .Values.config over them. */ -}}
{{- define "context-manager.config" -}}
{{- $server := dict "host" "0.0.0.0" "port" 8080 "shutdown_delay_ms" (mul .Values.drainSeconds 1000) }}
{{- if .Values.ingress.enabled }}
{{- $_ := set $server "public_url" (printf "%s://%s" (ternary "https" "http" (ne .Values.ingress.tlsSecret "")) .Values.ingress.host) }}
{{- if .Values.ingress.trustedProxies }}{{ $_ := set $server "trusted_proxies" .Values.ingress.trustedProxies }}{{ end }}
{{- end }}
{{- $derived := dict "server" $server "log" (dict "format" "json") "vector_db" (dict "path" "/data") }}
{{- if eq .Values.mode "qdrant" }}
{{- $_ := set $derived.vector_db "url" .Values.qdrant.url }}
{{- end }}
{{- if .Values.redis.url }}
{{- $_ := set $derived "redis" (dict "url" .Values.redis.url) }}
{{- end }}
{{- if .Values.backup.enabled }}
{{- $_ := set $derived "snapshots" (dict "path" "/snapshots" "max_kept" .Values.backup.keep) }}
{{- end }}
{{- if .Values.keys.existingSecret }}
{{- $keys := list }}
{{- range .Values.keys.entries }}
{{- $key := dict "tenant" .tenant "permissions" .permissions "key_file" (printf "/run/secrets/context-manager/keys/%s" .name) }}
{{- if .user }}{{ $_ := set $key "user" .user }}{{ end }}
{{- $keys = append $keys $key }}
{{- end }}
{{- $_ := set $derived "auth" (dict "keys" $keys) }}
{{- end }}
{{- range $section, $values := mustMergeOverwrite $derived (deepCopy .Values.config) }}
[{{ $section }}]
{{- range $key, $value := $values }}
{{- if not (kindIs "invalid" $value) }}
{{ $key }} = {{ include "context-manager.toml-value" $value }}
{{- end }}
{{- end }}
{{ end }}
{{- end }}
