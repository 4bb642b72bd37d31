using System.Collections;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Configuration;
using Cilium.ControlPlane.Operator;
using YamlDotNet.RepresentationModel;

namespace Cilium.ControlPlane.Tests.Deployment;

/// <summary>What the ConfigMap of <c>deploy/</c> makes of the agent.</summary>
public sealed class DeployedConfigurationTests
{
    [Fact]
    public void Flows_are_not_told_in_plain_text_to_whoever_reaches_a_node()
    {
        var keys = DeployedFiles.Configuration();
        if (keys.ContainsKey("hubble-listen-address"))
        {
            Assert.Equal("false", keys["hubble-disable-tls"]);
            Assert.NotEmpty(keys["hubble-tls-client-ca-files"]);
        }
    }

    [Fact]
    public void The_port_of_Hubbles_peers_tells_whether_they_speak_TLS()
    {
        // As upstream's chart has it; Hubble Relay dials that port.
        var port = ((YamlSequenceNode)DeployedFiles.Objects("hubble-peer.yaml").Single()["spec"]["ports"]).Single();
        Assert.Equal(DeployedFiles.Configuration()["hubble-disable-tls"] == "true" ? "80" : "443", port["port"].ToString());
    }

    [Fact]
    public void The_files_of_Hubbles_TLS_are_mounted_from_a_secret_that_may_be_absent()
    {
        var keys = DeployedFiles.Configuration();
        var pod = DeployedFiles.Objects("agent.yaml").Single()["spec"]["template"]["spec"];
        var agent = ((YamlSequenceNode)pod["containers"]).Single();
        foreach (var key in new[] { "hubble-tls-cert-file", "hubble-tls-key-file", "hubble-tls-client-ca-files" })
        {
            var file = keys[key];
            var mount = Assert.Single((YamlSequenceNode)agent["volumeMounts"], found => file.StartsWith(found["mountPath"] + "/", StringComparison.Ordinal));
            var volume = Assert.Single((YamlSequenceNode)pod["volumes"], found => found["name"].ToString() == mount["name"].ToString());
            var secret = ((YamlSequenceNode)volume["projected"]["sources"]).Single()["secret"];
            Assert.Equal("true", secret["optional"].ToString());
            Assert.Contains((YamlSequenceNode)secret["items"], item => $"{mount["mountPath"]}/{item["path"]}" == file);
        }
    }

    [Fact]
    public void Agent_and_operator_take_the_configuration()
    {
        var folder = Directory.CreateTempSubdirectory("cilium-config-").FullName;
        try
        {
            foreach (var (key, value) in DeployedFiles.Configuration())
            {
                File.WriteAllText(Path.Combine(folder, key), value);
            }

            var agent = AgentCommandLine.Read([$"--config-dir={folder}", "--k8s-node-name=a"], new Hashtable(), out _);
            Assert.False(agent.HubbleDisableTls);
            var options = new OperatorOptions();
            OperatorOptionKeys.Create().Bind(new ConfigValues([], new Hashtable(), folder), options, OperatorOptionKeys.Check);
            Assert.Equal("cluster-pool", options.Ipam);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
