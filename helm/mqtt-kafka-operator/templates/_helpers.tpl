{{/* Name of the release's objects. */}}
{{- define "operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels by which the operator's pods are selected: they never change. */}}
{{- define "operator.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels of every object. */}}
{{- define "operator.labels" -}}
{{ include "operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "operator.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "operator.fullname" .) -}}
{{- end -}}

{{/* An image of the chart: (dict "image" VALUES "default" TAG). */}}
{{- define "operator.image" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" .image.repository (.image.tag | default .default) -}}
{{- end -}}
{{- end -}}

{{/* The operator's account, as the subject of a binding. */}}
{{- define "operator.subjects" -}}
subjects:
- kind: ServiceAccount
  name: {{ include "operator.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* What the operator does where bridges are: the same in every namespace and in the cluster. */}}
{{- define "operator.rules" -}}
# Bridges: read; the finalizer is applied; nothing of the spec is written.
- apiGroups: [mqttkafka.dev]
  resources: [mqttkafkabridges]
  verbs: [get, list, watch, patch]
- apiGroups: [mqttkafka.dev]
  resources: [mqttkafkabridges/status]
  verbs: [patch]
# Owner references that block deletion, where the admission plugin asks for this right.
- apiGroups: [mqttkafka.dev]
  resources: [mqttkafkabridges/finalizers]
  verbs: [update]
# Only to see that a Secret is there and when it changes.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch]
# Whom to ask for the status.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
# What a bridge is made of; server-side apply is create and patch.
- apiGroups: [""]
  resources: [configmaps, serviceaccounts, services]
  verbs: &children [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: *children
- apiGroups: [batch]
  resources: [jobs]
  verbs: *children
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: *children
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: *children
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors]
  verbs: *children
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
