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
