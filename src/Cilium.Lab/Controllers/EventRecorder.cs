using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Controllers;

/// <summary>Writes Events; the same message about the same object is counted, not repeated.</summary>
internal sealed class EventRecorder(ClusterState state, string component)
{
    public void Normal(JsonObject about, string reason, string message) => Record(about, "Normal", reason, message);

    public void Warn(JsonObject about, string reason, string message) => Record(about, "Warning", reason, message);

    private void Record(JsonObject about, string type, string reason, string message)
    {
        var ns = about.Namespace() is { Length: > 0 } stated ? stated : "default";
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{about.Uid()}/{reason}/{message}/{component}")))[..16];
        var name = $"{about.Name()}.{hash}";
        var now = state.Clock.Stamp();
        try
        {
            if (state.Store.Get(BuiltInKinds.Events, ns, name) is not null)
            {
                state.Change(BuiltInKinds.Events, ns, name, item =>
                {
                    item["count"] = (item.Number("count") ?? 1) + 1;
                    item["lastTimestamp"] = now;
                });
                return;
            }

            state.Create(BuiltInKinds.Events, ns, new JsonObject
            {
                ["metadata"] = new JsonObject { ["name"] = name },
                ["involvedObject"] = new JsonObject
                {
                    ["kind"] = about.Text("kind"),
                    ["apiVersion"] = about.Text("apiVersion"),
                    ["namespace"] = about.Namespace(),
                    ["name"] = about.Name(),
                    ["uid"] = about.Uid(),
                },
                ["type"] = type,
                ["reason"] = reason,
                ["message"] = message,
                ["count"] = 1,
                ["firstTimestamp"] = now,
                ["lastTimestamp"] = now,
                ["source"] = new JsonObject { ["component"] = component },
                ["reportingComponent"] = component,
                ["reportingInstance"] = "",
            });
        }
        catch (ApiException refused) when (refused.Reason is "NotFound" or "Forbidden" or "AlreadyExists")
        {
            // The namespace is going away, or another thread recorded the same event first: nothing is lost that a reader would miss.
            return;
        }
    }
}
