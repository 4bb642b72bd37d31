using System.Net;
using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Serving;
using Cilium.Lab.Storage;

var state = new ClusterState([IPNetwork.Parse("10.96.0.0/12"), IPNetwork.Parse("fd00:10:96::/112")], TimeProvider.System);
foreach (var ns in new[] { "default", "kube-system" })
    state.Ensure(BuiltInKinds.Namespaces, "", new JsonObject { ["metadata"] = new JsonObject { ["name"] = ns } });
using var certificates = new ClusterCertificates(["localhost"], [IPAddress.Loopback], TimeProvider.System);
await using var server = new ApiServer(state.Registry, state.Deletion, null!, certificates, [new IPEndPoint(IPAddress.Loopback, 16443)]);
await server.StartAsync(CancellationToken.None);
await File.WriteAllTextAsync("/tmp/labtest/kubeconfig", Kubeconfig.Render("lab", server.Addresses[0].ToString(), certificates.AuthorityPem, server.Token));
Console.WriteLine("up");
await Task.Delay(Timeout.Infinite);
return 0;
