{{- /* The pod of a server, for either kind of workload. */ -}}
{{- define "context-manager.pod" -}}
metadata:
  labels:
    {{- include "context-manager.labels" . | nindent 4 }}
    app.kubernetes.io/component: server
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # A changed setting restarts the servers, one after the other.
    checksum/config: {{ include "context-manager.config" . | sha256sum }}
    {{- if .Values.scrapeAnnotations }}
    prometheus.io/scrape: "true"
    prometheus.io/port: "8080"
    prometheus.io/path: /metrics
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "context-manager.fullname" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  # The drain, server.shutdown_grace_secs for requests and again for writes, and the last flush.
  terminationGracePeriodSeconds: {{ add .Values.drainSeconds 55 }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    {{- include "context-manager.pod-security" . | nindent 4 }}
  containers:
    - name: context-manager
      image: {{ include "context-manager.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve]
      env:
        # By variable, so that commands in this container (kubectl exec) read it as well.
        - name: CONFIG_PATH
          value: /etc/context-manager/config.toml
        {{- if and (eq .Values.mode "qdrant") .Values.qdrant.existingSecret }}
        - name: CONTEXT_MANAGER_VECTOR_DB__API_KEY_FILE
          value: /run/secrets/context-manager/files/qdrant
        {{- end }}
        {{- if .Values.redis.existingSecret }}
        - name: CONTEXT_MANAGER_REDIS__URL_FILE
          value: /run/secrets/context-manager/files/redis
        {{- end }}
        {{- range .Values.secretFiles }}
        - name: CONTEXT_MANAGER_{{ .setting }}
          value: /run/secrets/context-manager/files/{{ .setting }}
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - name: http
          containerPort: 8080
      securityContext:
        {{- include "context-manager.security" . | nindent 8 }}
      # A store of 100,000 contexts opens in a second; one of many millions may take up to 10 minutes.
      startupProbe:
        httpGet: {path: /health/ready, port: http}
        periodSeconds: 1
        failureThreshold: 600
      # Checks the process only; readiness covers its dependencies.
      livenessProbe:
        httpGet: {path: /health/live, port: http}
        periodSeconds: 10
        timeoutSeconds: 3
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /health/ready, port: http}
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 2
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      volumeMounts:
        - name: config
          mountPath: /etc/context-manager
          readOnly: true
        - name: secrets
          mountPath: /run/secrets/context-manager
          readOnly: true
        - name: tmp
          mountPath: /tmp
        - name: data
          mountPath: /data
        {{- if .Values.backup.enabled }}
        - name: snapshots
          mountPath: /snapshots
        {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ include "context-manager.fullname" . }}
    - name: secrets
      projected:
        defaultMode: 0440
        sources:
          {{- if .Values.keys.existingSecret }}
          - secret:
              name: {{ .Values.keys.existingSecret }}
              items:
                {{- range .Values.keys.entries }}
                - {key: {{ .name }}, path: keys/{{ .name }}}
                {{- end }}
          {{- end }}
          {{- if and (eq .Values.mode "qdrant") .Values.qdrant.existingSecret }}
          - secret:
              name: {{ .Values.qdrant.existingSecret }}
              items: [{key: {{ .Values.qdrant.existingSecretKey }}, path: files/qdrant}]
          {{- end }}
          {{- if .Values.redis.existingSecret }}
          - secret:
              name: {{ .Values.redis.existingSecret }}
              items: [{key: {{ .Values.redis.existingSecretKey }}, path: files/redis}]
          {{- end }}
          {{- range .Values.secretFiles }}
          - secret:
              name: {{ .secret }}
              items: [{key: {{ .key }}, path: files/{{ .setting }}}]
          {{- end }}
    - name: tmp
      emptyDir:
        sizeLimit: 64Mi
    {{- if eq .Values.mode "qdrant" }}
    # Holds no data, but the server needs a folder.
    - name: data
      emptyDir:
        sizeLimit: 64Mi
    {{- end }}
    {{- if .Values.backup.enabled }}
    - name: snapshots
      persistentVolumeClaim:
        claimName: {{ include "context-manager.fullname" . }}-snapshots
    {{- end }}
  {{- if eq .Values.mode "qdrant" }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "context-manager.server-selector" . | nindent 10 }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
