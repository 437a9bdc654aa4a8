/** Recognizes Kubernetes resources that are given as rule or configuration files. */

/** The kind of a Kubernetes resource; `undefined` for any other value. */
export function kubernetesKind(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { apiVersion, kind } = value as Record<string, unknown>
  return typeof apiVersion === 'string' && typeof kind === 'string' ? kind : undefined
}
