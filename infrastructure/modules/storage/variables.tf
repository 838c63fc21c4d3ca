variable "name" {
  description = "Begins the names of buckets and key: project and environment."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "name has 3 to 40 lower-case letters, digits and hyphens, begins with a letter and ends with no hyphen."
  }
}

variable "account_id" {
  description = "The AWS account, which makes the names of buckets unique."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id has 12 digits."
  }
}

variable "capture_days" {
  description = "Days for which captured images are kept: they are those of your users."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.capture_days >= 1 && var.capture_days <= 365 && floor(var.capture_days) == var.capture_days
    error_message = "capture_days is a whole number of days, 1 to 365."
  }
}

variable "disposable" {
  description = "Whether destroy may delete what is in the buckets."
  type        = bool
  default     = false
  nullable    = false
}
