# Everything of an environment to try things in: one NAT gateway, and destroy deletes what is in it.
terraform {
  backend "s3" {
    key          = "dev/terraform.tfstate"
    use_lockfile = true
    encrypt      = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Project     = "cv-inference"
      Environment = "dev"
      ManagedBy   = "terraform"
    }
  }
}

data "aws_caller_identity" "this" {}

locals {
  name                     = "${var.name}-dev"
  account_id               = data.aws_caller_identity.this.account_id
  permissions_boundary_arn = "arn:aws:iam::${local.account_id}:policy/${var.name}-boundary"
  github_provider_arn      = "arn:aws:iam::${local.account_id}:oidc-provider/token.actions.githubusercontent.com"
}

module "network" {
  source = "../../modules/network"

  name                     = local.name
  account_id               = local.account_id
  cidr                     = var.cidr
  nat                      = "single"
  permissions_boundary_arn = local.permissions_boundary_arn
}

module "registry" {
  source = "../../modules/registry"

  name       = local.name
  disposable = true
}

module "storage" {
  source = "../../modules/storage"

  name         = local.name
  account_id   = local.account_id
  capture_days = 7
  disposable   = true
}

module "mlflow" {
  source = "../../modules/mlflow"

  name              = local.name
  account_id        = local.account_id
  subnet_ids        = module.network.private_subnet_ids
  security_group_id = module.network.database_security_group_id
  instance_class    = "db.t4g.micro"
  multi_az          = false
  backup_days       = 1
  disposable        = true
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
