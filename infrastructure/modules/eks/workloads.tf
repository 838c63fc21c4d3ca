# Who in the cluster needs AWS, and nobody else: each ServiceAccount has a role of its own.
module "workload" {
  source   = "../pod-role"
  for_each = var.workloads

  name                     = "${var.name}-${each.key}"
  description              = "Pods of the ServiceAccount ${each.value.service_account}."
  cluster_name             = aws_eks_cluster.this.name
  namespaces               = each.value.namespaces
  service_account          = each.value.service_account
  policies                 = { this = each.value.policy }
  permissions_boundary_arn = var.permissions_boundary_arn
}

locals {
  secrets_policy = {
    Version = "2012-10-17"
    Statement = [{
      Sid      = "ReadSecrets"
      Effect   = "Allow"
      Action   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
      Resource = concat(["arn:aws:secretsmanager:${data.aws_region.this.id}:${var.account_id}:secret:${var.name}/*"], var.secret_arns)
    }]
  }
}

# The operator reads for all SecretStores that say nothing else.
module "external_secrets" {
  source = "../pod-role"

  name                     = "${var.name}-external-secrets"
  description              = "External Secrets of ${var.name}: reads the environment's secrets."
  cluster_name             = aws_eks_cluster.this.name
  namespaces               = ["external-secrets"]
  service_account          = "external-secrets"
  permissions_boundary_arn = var.permissions_boundary_arn

  policies = {
    read = jsonencode(local.secrets_policy)
  }
}
