variable "name" {
  description = "Begins the name of everything in the network: project and environment."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "name has 3 to 40 lower-case letters, digits and hyphens, begins with a letter and ends with no hyphen."
  }
}

variable "account_id" {
  description = "The AWS account whose flow logs are written."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id has 12 digits."
  }
}

variable "cidr" {
  description = "Addresses of the VPC, private ones (RFC 1918)."
  type        = string
  default     = "10.0.0.0/16"
  nullable    = false

  validation {
    condition = (
      can(regex("^(10\\.|192\\.168\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.).*/(1[6-9]|20)$", var.cidr)) &&
      try(cidrsubnet(var.cidr, 0, 0) == var.cidr, false)
    )
    error_message = "cidr is a network of private addresses (RFC 1918) of /16 to /20, such as 10.0.0.0/16."
  }
}

variable "zone_count" {
  description = "Number of availability zones."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = contains([2, 3], var.zone_count)
    error_message = "zone_count is 2 or 3: a database needs two zones, and most regions have three."
  }
}

variable "nat" {
  description = "How private subnets reach the internet: single (one NAT gateway, which its zone takes down with it), per_zone, or none (AWS alone, by endpoints)."
  type        = string
  default     = "single"
  nullable    = false

  validation {
    condition     = contains(["none", "single", "per_zone"], var.nat)
    error_message = "nat is none, single or per_zone."
  }
}

variable "flow_log_days" {
  description = "Days for which flow logs are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365], var.flow_log_days)
    error_message = "flow_log_days is one of those that CloudWatch knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that bounds the role for flow logs (output of bootstrap)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws:iam::[0-9]{12}:policy/", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn is the ARN of a policy of the account."
  }
}

variable "cluster_name" {
  description = "The EKS cluster whose nodes and load balancers find their subnets by tags, if there is one."
  type        = string
  default     = null

  validation {
    condition     = var.cluster_name == null || can(regex("^[a-z][a-z0-9-]{1,98}[a-z0-9]$", var.cluster_name))
    error_message = "cluster_name has 3 to 100 lower-case letters, digits and hyphens, begins with a letter and ends with no hyphen."
  }
}
