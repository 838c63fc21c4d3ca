variable "name" {
  description = "Name of the cluster, which begins the name of everything of it: project and environment."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,36}[a-z0-9]$", var.name))
    error_message = "name has 3 to 38 lower-case letters, digits and hyphens, begins with a letter and ends with no hyphen."
  }
}

variable "account_id" {
  description = "The AWS account of the cluster."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id has 12 digits."
  }
}

variable "kubernetes_version" {
  description = "Version of Kubernetes, of control plane and nodes; the next minor one at a time."
  type        = string
  default     = "1.36"
  nullable    = false

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.kubernetes_version))
    error_message = "kubernetes_version is a minor version, such as 1.36."
  }
}

variable "vpc_id" {
  description = "The VPC of the cluster."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.vpc_id, "vpc-")
    error_message = "vpc_id is the id of a VPC (vpc-...)."
  }
}

variable "subnet_ids" {
  description = "Private subnets of control plane and nodes, in two zones or more."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids are two subnets or more, in different zones."
  }
}

variable "nodes_security_group_id" {
  description = "Security group of control plane and nodes (output of modules/network)."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.nodes_security_group_id, "sg-")
    error_message = "nodes_security_group_id is the id of a security group (sg-...)."
  }
}

variable "api_cidrs" {
  description = "Networks of the internet that may reach the API; with none it is reached from inside the VPC alone."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for cidr in var.api_cidrs : try(cidrsubnet(cidr, 0, 0) == cidr && tonumber(split("/", cidr)[1]) >= 16, false)
    ])
    error_message = "api_cidrs are networks of /16 or smaller, such as 203.0.113.0/24: never the whole internet."
  }
}

variable "load_balancer_cidrs" {
  description = "Networks whose clients may reach the load balancer; 0.0.0.0/0 is everybody."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.load_balancer_cidrs : try(cidrsubnet(cidr, 0, 0) == cidr, false)])
    error_message = "load_balancer_cidrs are networks, such as 203.0.113.0/24, or 0.0.0.0/0 for everybody."
  }
}

variable "admin_arns" {
  description = "ARNs of the roles or users that administer the cluster; with none nobody can use its API."
  type        = set(string)
  nullable    = false

  validation {
    condition = length(var.admin_arns) > 0 && alltrue([
      for arn in var.admin_arns : can(regex("^arn:aws:iam::[0-9]{12}:(role|user)/[\\w+=,.@/-]+$", arn))
    ])
    error_message = "admin_arns are ARNs of roles or users, at least one: nobody else can use the cluster's API."
  }
}

variable "workloads" {
  description = "Who in the cluster needs AWS, by the end of the role's name: namespaces, ServiceAccount, and JSON of the policy."
  type = map(object({
    namespaces      = set(string)
    service_account = string
    policy          = string
  }))
  nullable = false

  validation {
    condition = alltrue([
      for name in keys(var.workloads) : can(regex("^[a-z][a-z0-9-]{1,23}[a-z0-9]$", name)) && !contains(
        ["cluster", "external-secrets", "karpenter", "load-balancer-controller", "network", "node", "volumes"], name
      )
    ])
    error_message = "workloads have names of 3 to 25 lower-case letters, digits and hyphens, none of them one of the cluster's own roles."
  }
}

variable "secret_arns" {
  description = "ARNs of secrets that External Secrets reads besides those whose names begin with NAME/."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for arn in var.secret_arns : can(regex("^arn:aws:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+$", arn))
    ])
    error_message = "secret_arns are ARNs of secrets, without wildcards."
  }
}

variable "general_nodes" {
  description = "Number of nodes that are always there."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.general_nodes >= 2 && floor(var.general_nodes) == var.general_nodes
    error_message = "general_nodes is a whole number, at least 2: one takes everything down with it."
  }
}

variable "training_nodes" {
  description = "Number of spot nodes for training at most; there are none until somebody asks for them."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.training_nodes >= 1 && floor(var.training_nodes) == var.training_nodes
    error_message = "training_nodes is a whole number, at least 1."
  }
}

variable "gpu_nodes" {
  description = "Number of spot nodes with a GPU at most; there are none until somebody asks for them."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.gpu_nodes >= 1 && floor(var.gpu_nodes) == var.gpu_nodes
    error_message = "gpu_nodes is a whole number, at least 1."
  }
}

variable "disposable" {
  description = "Whether the key of the secrets is gone after a week rather than a month once it is destroyed."
  type        = bool
  default     = false
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that bounds every role of the cluster (output of bootstrap)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws:iam::[0-9]{12}:policy/", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn is the ARN of a policy of the account."
  }
}
