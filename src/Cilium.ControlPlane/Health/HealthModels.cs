using System.Globalization;
using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Api;
using Cilium.ControlPlane.Configuration;

namespace Cilium.ControlPlane.Health;

/// <summary>This node in the words of the health API.</summary>
internal static class HealthModels
{
    private const string LoadFile = "/proc/loadavg";
    private static readonly DateTimeOffset s_started = System.Diagnostics.Process.GetCurrentProcess().StartTime;

    public static HealthResponse SelfOf(AgentContext agent) => new()
    {
        Cilium = StatusModels.Of(agent, brief: true),
        SystemLoad = LoadOf(File.Exists(LoadFile) ? File.ReadAllText(LoadFile) : ""),
        Uptime = GoDuration.Format(TimeSpan.FromSeconds((long)(agent.Time.GetUtcNow() - s_started).TotalSeconds)),
    };

    /// <summary>Seconds between rounds: 60 for one node, more by the logarithm of their number, so that a large cluster is not busy with itself.</summary>
    /// <remarks>The formula is upstream's.</remarks>
    public static TimeSpan IntervalFor(int nodes) => TimeSpan.FromSeconds(60 * Math.Log(1 + Math.Max(nodes, 1)));

    public static string TimeText(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static LoadResponse? LoadOf(string text) => text.Split(' ') is [var one, var five, var fifteen, ..]
        ? new LoadResponse { Last1min = one, Last5min = five, Last15min = fifteen }
        : null;
}
