output "name" {
  description = "Name of the cluster, once its API can be used: make kubeconfig EKS_CLUSTER=NAME."
  value       = aws_eks_cluster.this.name

  depends_on = [aws_eks_access_policy_association.admin]
}

output "endpoint" {
  description = "Address of the API."
  value       = aws_eks_cluster.this.endpoint
}

output "certificate_authority" {
  description = "Certificate that the API is known by, in Base64, as a kubeconfig has it."
  value       = aws_eks_cluster.this.certificate_authority[0].data
}

output "interruption_queue" {
  description = "Karpenter's settings.interruptionQueue."
  value       = aws_sqs_queue.interruptions.name
}

output "node_instance_profile" {
  description = "spec.instanceProfile of Karpenter's EC2NodeClasses."
  value       = aws_iam_instance_profile.node.name
}

output "load_balancer_security_group" {
  description = "Name of the security group of the load balancer, for k8s/components/alb."
  value       = aws_security_group.load_balancer.name
}

output "workloads" {
  description = "Whose pods have which of the workloads' policies."
  value       = { for name, one in module.workload : name => { pods = one.pods, policy = one.policies["this"] } }
}
