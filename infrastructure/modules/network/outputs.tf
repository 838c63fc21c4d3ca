output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}

output "public_subnet_ids" {
  description = "Ids of the public subnets, one a zone."
  value       = [for zone in local.zones : aws_subnet.public[zone].id]
}

output "private_subnet_ids" {
  description = "Ids of the private subnets, one a zone."
  value       = [for zone in local.zones : aws_subnet.private[zone].id]
}

output "nodes_security_group_id" {
  description = "Id of the security group of the cluster's machines."
  value       = aws_security_group.nodes.id
}

output "database_security_group_id" {
  description = "Id of the security group that lets the cluster's machines reach a database."
  value       = aws_security_group.database.id
}
