# Production: no zone takes another one down, and destroy deletes nothing that holds data.
terraform {
  backend "s3" {
    key          = "production/terraform.tfstate"
    use_lockfile = true
    encrypt      = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Project     = "cv-inference"
      Environment = "production"
      ManagedBy   = "terraform"
    }
  }
}

data "aws_caller_identity" "this" {}

locals {
  name                     = "${var.name}-production"
  account_id               = data.aws_caller_identity.this.account_id
  permissions_boundary_arn = "arn:aws:iam::${local.account_id}:policy/${var.name}-boundary"
  github_provider_arn      = "arn:aws:iam::${local.account_id}:oidc-provider/token.actions.githubusercontent.com"
}

module "network" {
  source = "../../modules/network"

  name                     = local.name
  account_id               = local.account_id
  cidr                     = var.cidr
  nat                      = "per_zone"
  permissions_boundary_arn = local.permissions_boundary_arn
}

module "registry" {
  source = "../../modules/registry"

  name       = local.name
  disposable = false
}

module "storage" {
  source = "../../modules/storage"

  name         = local.name
  account_id   = local.account_id
  capture_days = 30
  disposable   = false
}

module "mlflow" {
  source = "../../modules/mlflow"

  name              = local.name
  account_id        = local.account_id
  subnet_ids        = module.network.private_subnet_ids
  security_group_id = module.network.database_security_group_id
  instance_class    = "db.t4g.small"
  multi_az          = true
  backup_days       = 14
  disposable        = false
}

module "release" {
  source = "../../modules/github-role"

  name                     = "${local.name}-release"
  description              = "Releases images and models: jobs of tags v* alone."
  provider_arn             = local.github_provider_arn
  repository               = var.github_repository
  subjects                 = ["ref:refs/tags/v*"]
  permissions_boundary_arn = local.permissions_boundary_arn
  policies                 = { images = module.registry.push_policy, models = module.storage.release_policy }
}

module "training" {
  source = "../../modules/github-role"

  name                     = "${local.name}-training"
  description              = "Trains: jobs of main read captures and write models."
  provider_arn             = local.github_provider_arn
  repository               = var.github_repository
  subjects                 = ["ref:refs/heads/main"]
  permissions_boundary_arn = local.permissions_boundary_arn
  policies                 = { data = module.storage.training_policy }
}
