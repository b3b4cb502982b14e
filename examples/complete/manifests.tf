locals {
  # The name of the Orchestrator's session, and the Orchestrator's user in the cluster.
  session_name    = provider::platform-orchestrator::session_name(var.org_id, var.runner_id)
  kubernetes_user = provider::platform-orchestrator::kubernetes_user(local.role_arn, local.session_name)
  # As aws_iam_role.runner.arn, but known in the first plan.
  role_arn = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role/${var.role_name}"

  # Everything that the runner needs in the cluster.
  manifests = merge({
    namespace = {
      apiVersion = "v1"
      kind       = "Namespace"
      metadata   = { name = var.namespace }
    }

    service_account = {
      apiVersion = "v1"
      kind       = "ServiceAccount"
      metadata = merge({
        name      = var.service_account
        namespace = var.namespace
      }, local.job_annotations)
    }

    # The Orchestrator creates Jobs and follows them.
    access_role = {
      apiVersion = "rbac.authorization.k8s.io/v1"
      kind       = "Role"
      metadata = {
        name      = "humanitec-runner-orchestrator-access"
        namespace = var.namespace
      }
      rules = [
        { apiGroups = ["batch"], resources = ["jobs"], verbs = ["create", "get"] },
        { apiGroups = [""], resources = ["pods", "events"], verbs = ["list"] },
      ]
    }

    # Each runner is a separate Kubernetes user with its own RoleBinding, so several runners can share the namespace and the Role.
    access_role_binding = {
      apiVersion = "rbac.authorization.k8s.io/v1"
      kind       = "RoleBinding"
      metadata = {
        name      = "humanitec-runner-orchestrator-access:${var.org_id}:${var.runner_id}"
        namespace = var.namespace
      }
      roleRef = {
        apiGroup = "rbac.authorization.k8s.io"
        kind     = "Role"
        name     = "humanitec-runner-orchestrator-access"
      }
      subjects = [
        { apiGroup = "rbac.authorization.k8s.io", kind = "User", name = local.kubernetes_user },
      ]
    }
  }, local.state_manifests)
}
