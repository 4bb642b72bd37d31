using Cilium.Core.Tables;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;

using var connection = KubernetesConnection.Open(new KubernetesConnectionOptions { KubeconfigPath = args[0] }, TimeProvider.System);
var tables = new KubernetesTables(new StateStore());
var reflectors = new KubernetesReflectors(connection, tables, new ReflectorOptions(), NullLogger<KubernetesReflectors>.Instance).FollowServices();
using var stop = new CancellationTokenSource();
var running = reflectors.RunAsync(stop.Token);

await tables.Services.WaitInitializedAsync(stop.Token);
foreach (var service in tables.Services.Snapshot().Values)
{
    Console.WriteLine($"{service.Namespace}/{service.Name}: {string.Join(' ', service.ClusterIPs)}");
}

var version = await connection.SendJsonAsync(HttpMethod.Get, "version", null, stop.Token);
Console.WriteLine($"server {version.GetProperty("gitVersion")}");

await stop.CancelAsync();
await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
