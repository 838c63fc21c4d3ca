# What every pod needs of its cluster, from AWS, in the versions that AWS has for the cluster's.
locals {
  before_nodes = {
    eks-pod-identity-agent = {}
    kube-proxy             = {}
    # Without it network policies are taken and not enforced.
    vpc-cni = { enableNetworkPolicy = "true" }
  }
  # These have pods that wait for a node.
  after_nodes = ["aws-ebs-csi-driver", "coredns"]
}

resource "aws_eks_addon" "before_nodes" {
  for_each = local.before_nodes

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  configuration_values        = length(each.value) > 0 ? jsonencode(each.value) : null
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  depends_on = [module.network_role]
}

resource "aws_eks_addon" "after_nodes" {
  for_each = toset(local.after_nodes)

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  depends_on = [aws_eks_node_group.this, module.volumes_role]
}

module "network_role" {
  source = "../pod-role"

  name                     = "${var.name}-network"
  description              = "Gives pods of ${var.name} their addresses."
  cluster_name             = aws_eks_cluster.this.name
  namespaces               = ["kube-system"]
  service_account          = "aws-node"
  managed_policy_arns      = ["arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"]
  permissions_boundary_arn = var.permissions_boundary_arn
}

module "volumes_role" {
  source = "../pod-role"

  name                     = "${var.name}-volumes"
  description              = "Makes volumes for pods of ${var.name}."
  cluster_name             = aws_eks_cluster.this.name
  namespaces               = ["kube-system"]
  service_account          = "ebs-csi-controller-sa"
  managed_policy_arns      = ["arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"]
  permissions_boundary_arn = var.permissions_boundary_arn
}
