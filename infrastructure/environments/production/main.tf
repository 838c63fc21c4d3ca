# No zone takes another one down, and destroy deletes nothing that holds data.
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

module "platform" {
  source = "../../modules/platform"

  name              = var.name
  environment       = "production"
  github_repository = var.github_repository
  cidr              = "10.20.0.0/16"
  nat               = "per_zone"
  capture_days      = 30
  database_class    = "db.t4g.small"
  multi_az          = true
  backup_days       = 14
  disposable        = false
  cluster           = "none"
  cluster_nodes     = 3
}
