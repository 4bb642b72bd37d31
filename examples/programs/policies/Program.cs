using Cilium.Core;
using Cilium.Policy;

var options = new PolicyOptions { Cluster = new ClusterFacts("example") };
var engine = new PolicyEngine(options);
engine.UpsertIdentity(new Identity(1001), LabelSet.Parse("k8s:app=client"));
engine.UpsertIdentity(new Identity(1002), LabelSet.Parse("k8s:app=stranger"));

var web = new PolicySubject(LabelSet.Parse("k8s:app=web"));
var origin = new PolicyOrigin("CiliumNetworkPolicy", "default", "web");
var fromClients = PeerRule.Create([new LabelPeer(LabelSelector.Parse("k8s:app=client"))], PortMatch.OfPorts(L4Protocol.Tcp, 80));
PolicyRule[] rules = [new() { Origin = origin, Subject = LabelSelector.Parse("k8s:app=web"), Ingress = PolicySection.Create([fromClients]) }];
KnownIdentity[] identities = [.. engine.Identities.All];
var compiled = PolicyCompiler.Compile(options, rules, identities, web);
foreach (var entry in compiled.Entries)
{
    Console.WriteLine($"{entry.Key.Direction} {entry.Key.Identity} {entry.Key.Port}/{entry.Key.Protocol}: {(entry.Verdict.IsDeny ? "deny" : "allow")}");
}
