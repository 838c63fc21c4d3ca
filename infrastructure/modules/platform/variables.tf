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

variable "cluster" {
  description = "Which cluster the environment has: eks, or none, where one is brought along."
  type        = string
  default     = "none"
  nullable    = false

  validation {
    condition     = contains(["none", "eks"], var.cluster)
    error_message = "cluster is none or eks."
  }

  validation {
    condition     = var.cluster == "none" || var.nat != "none"
    error_message = "cluster = \"eks\" needs nat = \"single\" or \"per_zone\": Argo CD reads GitHub, and images come from the internet."
  }

  validation {
    condition     = var.cluster == "none" || length(var.cluster_admin_arns) > 0
    error_message = "cluster = \"eks\" needs cluster_admin_arns: nobody else can use its API."
  }
}

variable "cluster_nodes" {
  description = "Number of nodes of the cluster that are always there, as general_nodes of modules/eks."
  type        = number
  nullable    = false

  validation {
    condition     = var.cluster_nodes >= 2 && floor(var.cluster_nodes) == var.cluster_nodes
    error_message = "cluster_nodes is a whole number, at least 2."
  }
}

variable "cluster_admin_arns" {
  description = "ARNs of the roles or users that administer the cluster."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.cluster_admin_arns : startswith(arn, "arn:aws:iam::")])
    error_message = "cluster_admin_arns are ARNs of roles or users."
  }
}

variable "cluster_api_cidrs" {
  description = "Networks of the internet that may reach the cluster's API; with none it is reached from inside the VPC alone."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.cluster_api_cidrs : can(cidrhost(cidr, 0))])
    error_message = "cluster_api_cidrs are networks, such as 203.0.113.0/24."
  }
}

variable "load_balancer_cidrs" {
  description = "Networks whose clients may reach the cluster's load balancer; 0.0.0.0/0 is everybody."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.load_balancer_cidrs : can(cidrhost(cidr, 0))])
    error_message = "load_balancer_cidrs are networks, such as 203.0.113.0/24, or 0.0.0.0/0 for everybody."
  }
}
