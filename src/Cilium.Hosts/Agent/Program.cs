using Cilium.Bpf;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Configuration;
using Cilium.Hosts.Agent;
using Cilium.Kubernetes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

const long EnoughMemory = 1L << 30, StartBytes = 160 << 20, StartBytesOfLargeObjects = 32 << 20;

HeapPages.Enlarge();
// A start fills tables that stay: a collection meanwhile marks and moves all of them for next to nothing. It ends with the first collection after
// this much, or when the agent has become quiet.
if (GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >= EnoughMemory)
{
    GC.TryStartNoGCRegion(StartBytes, StartBytesOfLargeObjects);
}

AgentOptions options;
IReadOnlyList<string> unknown;
try
{
    options = AgentCommandLine.Read(args, Environment.GetEnvironmentVariables(), out unknown);
}
catch (ConfigurationException exception)
{
    Console.Error.WriteLine($"cilium-agent: {exception.Message}");
    return 1;
}

var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ApplicationName = "cilium-agent" });
builder.Logging.AddSimpleConsole(console =>
{
    console.SingleLine = true;
    console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
    console.UseUtcTimestamp = true;
});
builder.Logging.SetMinimumLevel(LogLevel.Information).AddFilter("Microsoft", LogLevel.Warning);
builder.Services.AddCiliumAgent(options).AddCiliumAgentHubble(options);

using var host = builder.Build();
if (unknown.Count > 0)
{
    var logger = host.Services.GetRequiredService<ILoggerFactory>().CreateLogger("cilium-agent");
    StartupLog.UnknownKeys(logger, string.Join(", ", unknown));
}

try
{
    if (!host.Services.GetRequiredService<KubernetesConnection>().UsesSystemRoots)
    {
        SystemRoots.Ignore();
    }

    await host.RunAsync();
}
catch (Exception exception) when (exception is InvalidOperationException or TimeoutException or IOException)
{
    Console.Error.WriteLine($"cilium-agent: {exception.Message}");
    return 1;
}

return host.Services.GetRequiredService<AgentReadiness>().Failure is null ? 0 : 1;

internal static partial class StartupLog
{
    [LoggerMessage(1, LogLevel.Information, "Keys of the configuration that are none of the agent's: {Keys}")]
    public static partial void UnknownKeys(ILogger logger, string keys);
}
