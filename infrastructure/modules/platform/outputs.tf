output "vpc_id" {
  description = "Id of the VPC."
  value       = module.network.vpc_id
}

output "private_subnet_ids" {
  description = "Ids of the private subnets."
  value       = module.network.private_subnet_ids
}

output "nodes_security_group_id" {
  description = "Id of the security group of a cluster's machines."
  value       = module.network.nodes_security_group_id
}

output "permissions_boundary_arn" {
  description = "ARN of the policy without which nobody but an administrator makes a role."
  value       = local.permissions_boundary_arn
}

output "registry_url" {
  description = "The workflows' ECR_REPOSITORY."
  value       = module.registry.url
}

output "models_uri" {
  description = "The workflows' MODEL_PREFIX."
  value       = module.storage.models_uri
}

output "captures_uri" {
  description = "The service's CAPTURE_TO, and the workflows' CAPTURE_URI."
  value       = module.storage.captures_uri
}

output "release_role_arn" {
  description = "The workflows' AWS_ROLE_ARN."
  value       = module.release.arn
}

output "training_role_arn" {
  description = "The workflows' TRAINING_ROLE_ARN."
  value       = module.training.arn
}

output "service_policy" {
  description = "JSON of the policy of the ServiceAccount cv-inference."
  value       = module.storage.service_policy
}

output "node_policy" {
  description = "JSON of the policy by which nodes pull images."
  value       = module.registry.pull_policy
}

output "mlflow_policy" {
  description = "JSON of the policy of the ServiceAccount cv-inference-mlflow."
  value       = module.mlflow.server_policy
}

output "mlflow_backend_store_uri" {
  description = "MLFLOW_BACKEND_STORE_URI of k8s/components/mlflow."
  value       = module.mlflow.backend_store_uri
}

output "mlflow_artifacts_uri" {
  description = "MLFLOW_ARTIFACTS_DESTINATION of k8s/components/mlflow."
  value       = module.mlflow.artifacts_uri
}

output "mlflow_secret_arn" {
  description = "ARN of the secret with MLflow's database password."
  value       = module.mlflow.secret_arn
}

output "cluster" {
  description = "What kubeconfig and the controllers of the EKS cluster are to be told, where there is one: outputs of modules/eks."
  value       = one(module.eks)
}
