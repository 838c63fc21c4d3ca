# To try things in: one NAT gateway, and destroy deletes what is in it.
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

module "platform" {
  source = "../../modules/platform"

  name              = var.name
  environment       = "dev"
  github_repository = var.github_repository
  cidr              = "10.10.0.0/16"
  nat               = "single"
  capture_days      = 7
  database_class    = "db.t4g.micro"
  multi_az          = false
  backup_days       = 1
  disposable        = true
  cluster           = "none"
  cluster_nodes     = 2
}
