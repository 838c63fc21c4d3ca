variable "name" {
  description = "Begins the name of everything, as in bootstrap."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name has 3 to 20 lower-case letters, digits and hyphens, begins with a letter and ends with no hyphen."
  }
}

variable "environment" {
  description = "Name of the environment, which follows in the name of everything."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2,12}$", var.environment))
    error_message = "environment has 2 to 12 lower-case letters."
  }
}

variable "github_repository" {
  description = "The GitHub repository that releases and trains, as owner/name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "github_repository is owner/name, without wildcards."
  }
}

variable "cidr" {
  description = "Addresses of the VPC, as modules/network takes them."
  type        = string
  nullable    = false

  validation {
    condition     = can(cidrhost(var.cidr, 0))
    error_message = "cidr is a network, such as 10.10.0.0/16."
  }
}

variable "nat" {
  description = "How private subnets reach the internet: none, single or per_zone, as of modules/network."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["none", "single", "per_zone"], var.nat)
    error_message = "nat is none, single or per_zone."
  }
}

variable "capture_days" {
  description = "Days for which captured images are kept."
  type        = number
  nullable    = false

  validation {
    condition     = var.capture_days >= 1 && floor(var.capture_days) == var.capture_days
    error_message = "capture_days is a whole number of days, at least 1."
  }
}

variable "database_class" {
  description = "Size of the machine of MLflow's database."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.database_class, "db.")
    error_message = "database_class is one of RDS, such as db.t4g.micro."
  }
}

variable "multi_az" {
  description = "Whether another zone has a copy of the database that takes over."
  type        = bool
  nullable    = false
}

variable "backup_days" {
  description = "Days for which the database can be brought back to any second."
  type        = number
  nullable    = false

  validation {
    condition     = var.backup_days >= 1 && floor(var.backup_days) == var.backup_days
    error_message = "backup_days is a whole number of days, at least 1."
  }
}

variable "disposable" {
  description = "Whether destroy may delete everything, images, models and runs included."
  type        = bool
  nullable    = false
}
