output "api_endpoint" {
  description = "HOST:PORT of the Kubernetes API, inside the VPC."
  value       = local.cluster.cluster_endpoint
}

output "control_plane_instance_ids" {
  description = "Ids of the control plane's machines, the first one first: where a session of Session Manager goes."
  value       = [for index in range(var.control_plane_count) : aws_instance.control_plane[tostring(index)].id]
}

output "workers_autoscaling_group" {
  description = "Name of the autoscaling group of the workers."
  value       = aws_autoscaling_group.workers.name
}
