variable "name" {
  description = "Begins the names of database and bucket: project and environment."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "name has 3 to 40 lower-case letters, digits and hyphens, begins with a letter and ends with no hyphen."
  }
}

variable "account_id" {
  description = "The AWS account, which makes the name of the bucket unique."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id has 12 digits."
  }
}

variable "subnet_ids" {
  description = "Private subnets of the database, in two zones or more."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids are two subnets or more, in different zones."
  }
}

variable "security_group_id" {
  description = "Security group of the database."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.security_group_id, "sg-")
    error_message = "security_group_id is the id of a security group (sg-...)."
  }
}

variable "instance_class" {
  description = "Size of the database's machine."
  type        = string
  default     = "db.t4g.micro"
  nullable    = false

  validation {
    condition     = can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.instance_class))
    error_message = "instance_class is one of RDS, such as db.t4g.micro."
  }
}

variable "max_storage_gb" {
  description = "GiB that the database's storage may grow to, from 20."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.max_storage_gb > 20 && floor(var.max_storage_gb) == var.max_storage_gb
    error_message = "max_storage_gb is a whole number of GiB, more than the 20 that it begins with."
  }
}

variable "multi_az" {
  description = "Whether another zone has a copy that takes over."
  type        = bool
  default     = false
  nullable    = false
}

variable "backup_days" {
  description = "Days for which the database can be brought back to any second."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 35 && floor(var.backup_days) == var.backup_days
    error_message = "backup_days is a whole number of days, 1 to 35."
  }
}

variable "disposable" {
  description = "Whether destroy may delete database and files, without a last snapshot."
  type        = bool
  default     = false
  nullable    = false
}
