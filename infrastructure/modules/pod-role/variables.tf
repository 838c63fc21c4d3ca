variable "name" {
  description = "Name of the role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,62}[a-z0-9]$", var.name))
    error_message = "A role's name has 4 to 64 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "description" {
  description = "What the role is for."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.description) > 0 && length(var.description) <= 1000
    error_message = "description says in at most 1000 characters what the role is for."
  }
}

variable "cluster_name" {
  description = "The EKS cluster of the pods."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,98}[a-z0-9]$", var.cluster_name))
    error_message = "cluster_name has 3 to 100 lower-case letters, digits and hyphens, begins with a letter and ends with no hyphen."
  }
}

variable "namespaces" {
  description = "Namespaces in which the ServiceAccount takes the role."
  type        = set(string)
  nullable    = false

  validation {
    condition = length(var.namespaces) > 0 && alltrue([
      for namespace in var.namespaces : can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", namespace))
    ])
    error_message = "namespaces are names of namespaces, at least one, without wildcards."
  }
}

variable "service_account" {
  description = "The ServiceAccount whose pods take the role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.service_account))
    error_message = "service_account is the name of a ServiceAccount, without wildcards."
  }
}

variable "policies" {
  description = "What the pods may do: JSON of policies, by name."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for policy in values(var.policies) : can(jsondecode(policy).Statement)])
    error_message = "Each of policies is JSON with a Statement."
  }
}

variable "managed_policy_arns" {
  description = "Policies of AWS's own that the role has too."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.managed_policy_arns : startswith(arn, "arn:aws:iam::aws:policy/")])
    error_message = "managed_policy_arns are ARNs of AWS's own policies (arn:aws:iam::aws:policy/...)."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that bounds what the role may ever do (output of bootstrap)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws:iam::[0-9]{12}:policy/", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn is the ARN of a policy of the account."
  }
}
