namespace Cilium.Lab.Demonstration;

/// <summary>The objects of the demonstration.</summary>
internal static class DemoManifests
{
    public static string Workloads(string server, string serverNode, string friend, string friendNode, string stranger, string strangerNode) => $"""
        {Pod(server, serverNode, "nginx", "")}
        ---
        apiVersion: v1
        kind: Service
        metadata:
          name: {server}
        spec:
          selector:
            app: {server}
          ports:
          - port: 80
        ---
        {Pod(friend, friendNode, "nicolaka/netshoot", "    command: [sleep, infinity]")}
        ---
        {Pod(stranger, strangerNode, "nicolaka/netshoot", "    command: [sleep, infinity]")}
        """;

    public static string Policy(string server, string friend) => $"""
        apiVersion: cilium.io/v2
        kind: CiliumNetworkPolicy
        metadata:
          name: {server}
        spec:
          endpointSelector:
            matchLabels:
              app: {server}
          ingress:
          - fromEndpoints:
            - matchLabels:
                app: {friend}
            toPorts:
            - ports:
              - port: "80"
                protocol: TCP
        """;

    private static string Pod(string name, string node, string image, string command) => $"""
        apiVersion: v1
        kind: Pod
        metadata:
          name: {name}
          labels:
            app: {name}
        spec:
          nodeSelector:
            kubernetes.io/hostname: {node}
          containers:
          - name: {name}
            image: {image}
        {command}
        """;
}
