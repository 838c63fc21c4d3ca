# Everything of an environment, put together.
data "aws_caller_identity" "this" {}

locals {
  name                     = "${var.name}-${var.environment}"
  account_id               = data.aws_caller_identity.this.account_id
  permissions_boundary_arn = "arn:aws:iam::${local.account_id}:policy/${var.name}-boundary"
  github_provider_arn      = "arn:aws:iam::${local.account_id}:oidc-provider/token.actions.githubusercontent.com"
}

module "network" {
  source = "../network"

  name                     = local.name
  account_id               = local.account_id
  cidr                     = var.cidr
  nat                      = var.nat
  cluster_name             = var.cluster == "eks" ? local.name : null
  permissions_boundary_arn = local.permissions_boundary_arn
}

module "registry" {
  source = "../registry"

  name       = local.name
  disposable = var.disposable
}

module "storage" {
  source = "../storage"

  name         = local.name
  account_id   = local.account_id
  capture_days = var.capture_days
  disposable   = var.disposable
}

module "mlflow" {
  source = "../mlflow"

  name              = local.name
  account_id        = local.account_id
  subnet_ids        = module.network.private_subnet_ids
  security_group_id = module.network.database_security_group_id
  instance_class    = var.database_class
  multi_az          = var.multi_az
  backup_days       = var.backup_days
  disposable        = var.disposable
}

module "release" {
  source = "../github-role"

  name                     = "${local.name}-release"
  description              = "Releases images and models: jobs of tags v* alone."
  provider_arn             = local.github_provider_arn
  repository               = var.github_repository
  subjects                 = ["ref:refs/tags/v*"]
  permissions_boundary_arn = local.permissions_boundary_arn
  policies                 = { images = module.registry.push_policy, models = module.storage.release_policy }
}

module "training" {
  source = "../github-role"

  name                     = "${local.name}-training"
  description              = "Trains: jobs of main read captures and write models."
  provider_arn             = local.github_provider_arn
  repository               = var.github_repository
  subjects                 = ["ref:refs/heads/main"]
  permissions_boundary_arn = local.permissions_boundary_arn
  policies                 = { data = module.storage.training_policy }
}

# Where there is one of one's own, outputs say what it needs.
module "eks" {
  source = "../eks"
  count  = var.cluster == "eks" ? 1 : 0

  name                     = local.name
  account_id               = local.account_id
  vpc_id                   = module.network.vpc_id
  subnet_ids               = module.network.private_subnet_ids
  nodes_security_group_id  = module.network.nodes_security_group_id
  general_nodes            = var.cluster_nodes
  admin_arns               = var.cluster_admin_arns
  api_cidrs                = var.cluster_api_cidrs
  load_balancer_cidrs      = var.load_balancer_cidrs
  secret_arns              = [module.mlflow.secret_arn]
  disposable               = var.disposable
  permissions_boundary_arn = local.permissions_boundary_arn

  # Namespaces and ServiceAccounts are those of k8s/overlays, but for train: it is for pods of one's own that train there.
  workloads = {
    service = {
      namespaces      = ["cv-inference", "cv-inference-gpu", "cv-inference-staging"]
      service_account = "cv-inference"
      policy          = module.storage.service_policy
    }
    mlflow = {
      namespaces      = ["cv-inference"]
      service_account = "cv-inference-mlflow"
      policy          = module.mlflow.server_policy
    }
    train = {
      namespaces      = ["cv-inference"]
      service_account = "cv-inference-training"
      policy          = module.storage.training_policy
    }
  }
}
