// Names that other systems store. Persisted: do not change.

/** Field manager of everything a Kustomization applies; Flux's, so that ownership passes over unchanged. */
export const FIELD_MANAGER = 'kustomize-controller'
/** Manager of writes to the status subresource of Flux objects. */
export const STATUS_MANAGER = 'gotk-kustomize-controller'
export const SOURCE_STATUS_MANAGER = 'gotk-source-controller'
export const HELM_STATUS_MANAGER = 'gotk-helm-controller'
/** Field manager of everything a HelmRelease applies, and of the HelmChart that is made for it. */
export const HELM_MANAGER = 'helm-controller'
/** Switch on an object of a release: its drift is nobody's concern. */
export const DRIFT_SWITCH = 'helm.toolkit.fluxcd.io/driftDetection'
export const FINALIZER = 'finalizers.fluxcd.io'
export const OWNER_NAME_LABEL = 'kustomize.toolkit.fluxcd.io/name'
export const OWNER_NAMESPACE_LABEL = 'kustomize.toolkit.fluxcd.io/namespace'
export const REQUESTED_AT = 'reconcile.fluxcd.io/requestedAt'
export const FORCE_AT = 'reconcile.fluxcd.io/forceAt'
export const RESET_AT = 'reconcile.fluxcd.io/resetAt'
export const RECONCILE_SWITCH = 'kustomize.toolkit.fluxcd.io/reconcile'
export const PRUNE_SWITCH = 'kustomize.toolkit.fluxcd.io/prune'
export const SSA_SWITCH = 'kustomize.toolkit.fluxcd.io/ssa'
export const FORCE_SWITCH = 'kustomize.toolkit.fluxcd.io/force'
export const SUBSTITUTE_SWITCH = 'kustomize.toolkit.fluxcd.io/substitute'

export const SOURCE_GROUP = 'source.toolkit.fluxcd.io'
export const KUSTOMIZE_GROUP = 'kustomize.toolkit.fluxcd.io'
export const HELM_GROUP = 'helm.toolkit.fluxcd.io'
/** On everything that a HelmRelease's release holds. */
export const HELM_ORIGIN_LABEL = `${HELM_GROUP}/name`
export const IMAGE_GROUP = 'image.toolkit.fluxcd.io'
export const NOTIFICATION_GROUP = 'notification.toolkit.fluxcd.io'

export const FLEET_GROUP = 'fleet.flotilla.dev'
export const FLEET_VERSION = 'v1alpha1'
/** Label on objects in the view over all clusters. */
export const CLUSTER_LABEL = 'fleet.flotilla.dev/cluster'
/** Label that marks a namespace in a cluster as a tenant's; the value is the tenant. */
export const TENANT_LABEL = 'fleet.flotilla.dev/tenant'

/** Field manager of what Placements put into clusters. */
export const PLACEMENT_MANAGER = 'flotilla-placement'
/** Annotation on what a Placement put into a cluster: `namespace/name` of the Placement. */
export const PLACEMENT_ANNOTATION = 'fleet.flotilla.dev/placement'
/** Finalizer of Placements: held until every cluster said that their objects are gone. */
export const PLACEMENT_FINALIZER = 'fleet.flotilla.dev/placement'
/** Among what is told of an OCI artifact: the digest of a layer that is kept as it is. No annotation of the artifact's own. */
export const LAYER_DIGEST = 'fleet.flotilla.dev/layer-digest'
/** ConfigMap with the cluster's name, labels and variables, in every namespace that the agent serves. */
export const CLUSTER_INFO = 'flotilla-cluster-info'

export const AGENT_NAMESPACE = 'flotilla-system'
export const PLATFORM_NAMESPACE = 'flux-system'
export const PLATFORM_TENANT = 'platform'
/** ServiceAccount in `flux-system` as which the hub's administrators act in a cluster. */
export const PLATFORM_ACCOUNT = 'flotilla-platform'
