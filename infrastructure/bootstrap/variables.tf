variable "name" {
  description = "Begins the name of everything: state bucket, roles, and the environments' parts after it."
  type        = string
  default     = "cv-inference"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name has 3 to 20 lower-case letters, digits and hyphens, begins with a letter and ends with no hyphen."
  }
}

variable "region" {
  description = "Region of the state bucket."
  type        = string
  default     = "eu-central-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}-[a-z]+-[0-9]$", var.region))
    error_message = "region is the name of an AWS region, such as eu-central-1."
  }
}

variable "github_repository" {
  description = "The GitHub repository whose workflows plan and apply, as owner/name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "github_repository is owner/name, without wildcards."
  }
}

variable "github_environment" {
  description = "The GitHub environment whose jobs apply: with required reviewers, and for the branch main alone."
  type        = string
  default     = "infrastructure"
  nullable    = false

  validation {
    condition     = can(regex("^[\\w-]+$", var.github_environment))
    error_message = "github_environment has letters, digits, hyphens and underscores alone."
  }
}

variable "budget" {
  description = "What the account may cost a month, as limit_usd, emails and topic_arn of modules/budget; without it nobody is told."
  type = object({
    limit_usd = number
    emails    = optional(set(string), [])
    topic_arn = optional(string)
  })
  default = null

  validation {
    condition     = try(length(var.budget.emails) > 0 || var.budget.topic_arn != null, var.budget == null)
    error_message = "budget tells somebody: emails, topic_arn or both are set."
  }
}
