locals {
  # The name of the Orchestrator's session, which is the end of its Kubernetes user. STS accepts at most 64 characters.
  session_name    = substr("${var.org_id}-${var.runner_id}", 0, 64)
  kubernetes_user = "arn:${data.aws_partition.current.partition}:sts::${data.aws_caller_identity.current.account_id}:assumed-role/${aws_iam_role.runner.name}/${local.session_name}"

  # Everything that the runner needs in the cluster.
  manifests = {
    namespace = {
      apiVersion = "v1"
      kind       = "Namespace"
      metadata   = { name = var.namespace }
    }

    service_account = {
      apiVersion = "v1"
      kind       = "ServiceAccount"
      metadata = {
        name      = var.service_account
        namespace = var.namespace
      }
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

    # The Jobs store their state in Secrets and lock it with Leases.
    state_role = {
      apiVersion = "rbac.authorization.k8s.io/v1"
      kind       = "Role"
      metadata = {
        name      = "humanitec-runner-state"
        namespace = var.namespace
      }
      rules = [
        { apiGroups = [""], resources = ["secrets"], verbs = ["get", "list", "create", "update"] },
        { apiGroups = ["coordination.k8s.io"], resources = ["leases"], verbs = ["get", "create", "update"] },
      ]
    }

    state_role_binding = {
      apiVersion = "rbac.authorization.k8s.io/v1"
      kind       = "RoleBinding"
      metadata = {
        name      = "humanitec-runner-state:${var.namespace}:${var.service_account}"
        namespace = var.namespace
      }
      roleRef = {
        apiGroup = "rbac.authorization.k8s.io"
        kind     = "Role"
        name     = "humanitec-runner-state"
      }
      subjects = [
        { kind = "ServiceAccount", name = var.service_account, namespace = var.namespace },
      ]
    }
  }
}
